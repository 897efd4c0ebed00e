"""Affine maps of images whose result is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.augment import warp as module
from resnet_jax.augment.affine import compose, rotation, scaling, translation

warp = jax.jit(module.warp)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 8, 6, 3)).astype(np.float32)


def numbers(*values):
    return jnp.array(values, jnp.float32)


def waves(x):
    return np.sin(np.float32(x) / 5)[..., None]


def smooth(x=0.0, y=0.0):
    """Slow waves at 24 x 24 pixels moved by x and y."""
    v, u = np.mgrid[:24, :24]
    return jnp.float32(waves(u + x) + np.cos((v + y) / 4 + 1)[..., None])[None]


def test_the_filter_is_the_wavelet():
    """Orthonormal to its even shifts, and blind to polynomials up to degree 5."""
    taps = np.array(module._SYM6)
    for shift in range(0, 12, 2):
        product = (taps[: 12 - shift] * taps[shift:]).sum()
        np.testing.assert_allclose(product, float(shift == 0), atol=1e-11)
    high = taps * (-1.0) ** np.arange(12)
    for power in range(6):
        moment = (high * np.linspace(-1, 1, 12) ** power).sum()
        np.testing.assert_allclose(moment, 0, atol=1e-9)


def test_the_identity_gives_the_image_again():
    same = scaling(numbers(1, 1), numbers(1, 1))
    np.testing.assert_allclose(warp(IMAGES, same), IMAGES, atol=1e-6)


def test_whole_pixels_move_and_the_border_is_reflected():
    moved = warp(IMAGES, translation(numbers(-2, 1), numbers(0, -3)))
    margins = ((0, 0), (8, 8), (6, 6), (0, 0))
    padded = np.pad(IMAGES, margins, mode="reflect")
    np.testing.assert_allclose(moved[0], padded[0, 8:16, 4:10], atol=1e-5)
    np.testing.assert_allclose(moved[1], padded[1, 5:13, 7:13], atol=1e-5)


def test_a_far_move_is_reflected_again_and_again():
    """By whole periods: 2 (8 - 1) rows and 2 (6 - 1) columns."""
    moved = warp(IMAGES, translation(numbers(50, -10), numbers(14, -140)))
    np.testing.assert_allclose(moved, IMAGES, atol=1e-5)


def test_a_map_of_each_image_is_in_pixels_from_the_center():
    turn, half = rotation(numbers(np.pi / 2)), translation(numbers(0.5), numbers(0.25))
    wide = scaling(numbers(0.5), numbers(1))
    image = smooth()
    found = warp(jnp.tile(image, (3, 1, 1, 1)), jnp.concatenate([turn, half, wide]))
    # x turns towards y: what is seen on the right comes from below.
    turned = image[0, :, ::-1].swapaxes(0, 1)
    widened = image[0, :, :1] - waves(0) + waves(11.5 + 0.5 * (np.arange(24) - 11.5))
    for i, expected in enumerate((turned, smooth(0.5, 0.25)[0], widened)):
        inner = (slice(6, -6), slice(6, -6))
        np.testing.assert_allclose(found[i][inner], expected[inner], atol=0.03)


def test_maps_are_composed_from_left_to_right():
    move, turn = translation(numbers(2), numbers(0)), rotation(numbers(np.pi / 2))
    point = jnp.array([1.0, 0.0, 1.0])
    np.testing.assert_allclose(compose(move, turn)[0] @ point, [2, 1, 1], atol=1e-6)
    np.testing.assert_allclose(compose(turn, move)[0] @ point, [0, 3, 1], atol=1e-6)


def test_the_map_is_linear_in_the_image_with_an_exact_transpose():
    """<warp(a), b> = <a, its gradient for b>: what R1 through an augmentation needs."""
    with jax.enable_x64(True):
        a = np.random.default_rng(1).normal(size=(2, 8, 6, 3))
        b = np.random.default_rng(2).normal(size=(2, 8, 6, 3))
        inverse = jnp.float64(rotation(numbers(0.3, 2.0)))
        moved, pull = jax.vjp(lambda x: warp(x, inverse), a)
        np.testing.assert_allclose(
            (moved * b).sum(), (a * pull(b)[0]).sum(), rtol=1e-12
        )


@pytest.mark.parametrize("size", [2, 3])
def test_the_smallest_images(size):
    image = IMAGES[:, :size, :size]
    same = warp(image, scaling(numbers(1, 1), numbers(1, 1)))
    np.testing.assert_allclose(same, image, atol=1e-6)
