"""Affine maps of images whose result is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.augment.affine import compose, rotation, scaling, translation
from resnet_jax.augment.warp import _SYM6, warp

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 8, 6, 3)).astype(np.float32)


def numbers(*values):
    return jnp.array(values, jnp.float32)


def smooth(height, width, x=0.0, y=0.0):
    """Slow waves at pixels moved by x and y."""
    v, u = np.mgrid[:height, :width].astype(np.float32)
    wave = np.sin((u + x) / 5) + np.cos((v + y) / 4 + 1)
    return jnp.float32(wave)[None, :, :, None]


def test_the_filter_is_the_wavelet():
    """Orthonormal to its even shifts, and blind to polynomials up to degree 5."""
    taps = np.array(_SYM6)
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
    image = smooth(24, 20)
    quarter = warp(smooth(24, 24), rotation(numbers(np.pi / 2)))
    # x turns towards y: what is seen on the right comes from below.
    expected = np.asarray(smooth(24, 24))[:, :, ::-1].swapaxes(1, 2)
    np.testing.assert_allclose(
        quarter[:, 6:-6, 6:-6], expected[:, 6:-6, 6:-6], atol=0.03
    )
    half = warp(image, translation(numbers(0.5), numbers(0.25)))
    expected = smooth(24, 20, 0.5, 0.25)
    np.testing.assert_allclose(half[:, 6:-6, 6:-6], expected[:, 6:-6, 6:-6], atol=0.03)
    large = warp(image, scaling(numbers(0.5), numbers(1)))
    wave = np.sin((9.5 + 0.5 * (np.arange(20) - 9.5)) / 5)
    expected = np.asarray(smooth(24, 20))[0, :, :1, 0] - np.sin(0) + wave
    np.testing.assert_allclose(large[0, 4:-4, :, 0], expected[4:-4], atol=0.03)


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
