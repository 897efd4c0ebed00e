"""The paper's ranges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.augment import create_augment
from resnet_jax.augment.diff_augment import DiffAugment

KEY = jax.random.key(1)
MANY = 2000


def images(*shape):
    return jax.random.uniform(jax.random.key(0), shape, minval=-1, maxval=1)


@pytest.mark.parametrize("policy", ["color", "translation", "cutout"])
def test_strength_is_how_often(policy):
    augment, x = jax.jit(DiffAugment((policy,))), images(MANY, 8, 8, 3)
    np.testing.assert_array_equal(augment(x, KEY, 0.0), x)
    changed = (augment(x, KEY, 0.4) != x).any((1, 2, 3)).mean()
    # Of 9 translations one is none.
    expected = 0.4 * 8 / 9 if policy == "translation" else 0.4
    np.testing.assert_allclose(changed, expected, atol=0.04)


@pytest.mark.parametrize("policy", ["color", "translation", "cutout"])
def test_gradients_pass(policy):
    augment, x = jax.jit(DiffAugment((policy,))), images(8, 8, 8, 3)
    weights = images(8, 8, 8, 3)[::-1]

    def loss(x):
        return (weights * augment(x, KEY, 1.0)).sum()

    # All are affine: the same change of the image has the same effect anywhere.
    slope, small = jax.grad(loss)(x), weights[:, ::-1]
    difference = loss(x + small) - loss(x)
    np.testing.assert_allclose((slope * small).sum(), difference, atol=1e-3)
    assert (jnp.abs(slope).max((1, 2, 3)) > 0.1).all()


def test_color():
    """Each change can be read off two pixels, (0.4, -0.2, 0.1) and its negative."""
    x = jnp.array([[0.4, -0.2, 0.1], [-0.4, 0.2, -0.1]]).reshape(1, 1, 2, 3)
    found = np.asarray(DiffAugment(("color",))(jnp.tile(x, (MANY, 1, 1, 1)), KEY, 1.0))
    brightness = found.mean((1, 2, 3))
    lumas = found.mean(3)[:, 0]
    contrast = (lumas[:, 0] - lumas[:, 1]) / 0.2
    chroma = found[:, 0, 0, 0] - lumas[:, 0]
    saturation = chroma / 0.3 / contrast
    ranges = ((brightness, -0.5, 0.5), (contrast, 0.5, 1.5), (saturation, 0, 2))
    for values, low, high in ranges:
        assert low - 1e-5 <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high + 1e-5
        np.testing.assert_allclose(values.mean(), (low + high) / 2, atol=0.05)


def test_translation_is_by_an_eighth_and_zeros_move_in():
    y, x = np.mgrid[1:17, 1:9].astype(np.float32)
    found = DiffAugment(("translation",))(
        jnp.tile(jnp.float32(100 * y + x)[None, :, :, None], (MANY, 1, 1, 1)), KEY, 1.0
    )
    center = np.asarray(found[:, 8, 4, 0])
    down, right = 9 - center // 100, 5 - center % 100
    np.testing.assert_array_equal(np.unique(down), [-2, -1, 0, 1, 2])
    np.testing.assert_array_equal(np.unique(right), [-1, 0, 1])
    first = int(np.flatnonzero((down == 2) & (right == -1))[0])
    np.testing.assert_array_equal(found[first, :2], 0)
    np.testing.assert_array_equal(found[first, :, -1], 0)
    expected = np.float32(100 * y + x)[:-2, 1:]
    np.testing.assert_array_equal(found[first, 2:, :-1, 0], expected)


@pytest.mark.parametrize("size", [8, 10])
def test_cutout_is_half_a_side_around_any_pixel(size):
    """Of sides 4 and 5; at the border the rest hangs over."""
    cut = DiffAugment(("cutout",))(jnp.ones((MANY, size, size, 2)), KEY, 1.0) == 0
    np.testing.assert_array_equal(cut[..., 0], cut[..., 1])
    rows, columns = cut[..., 0].any(2).sum(1), cut[..., 0].any(1).sum(1)
    np.testing.assert_array_equal(cut[..., 0].sum((1, 2)), rows * columns)
    lengths, least = size // 2, {8: 2, 10: 3}[size]
    np.testing.assert_array_equal(np.unique(rows), range(least, lengths + 1))
    # 9 places of the even side, 10 of the odd one; those that hang over, by hand.
    mean = {8: (2 + 3 + 4 * 5 + 3 + 2) / 9, 10: (3 + 4 + 5 * 6 + 4 + 3) / 10}[size]
    np.testing.assert_allclose(rows.mean(), mean, atol=0.1)


def test_saturation_leaves_a_grey_image():
    x = images(4, 8, 8, 1)
    augment = jax.jit(DiffAugment(("color",)))
    grey, whole = augment(x, KEY, 1.0), augment(jnp.repeat(x, 3, 3), KEY, 1.0)
    np.testing.assert_allclose(whole, jnp.repeat(grey, 3, 3), atol=1e-5)


def test_mistakes():
    with pytest.raises(ValueError, match=r"policy has 'colour'.* mean color"):
        create_augment({"name": "diff_augment", "policy": ("colour",)})
    with pytest.raises(ValueError, match="diff_augment policy is empty"):
        DiffAugment(())
