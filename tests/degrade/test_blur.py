"""Gaussian blur, against sums over a mirrored image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.degrade import Blur

KEY = jax.random.key(0)
IMAGE = np.random.default_rng(0).uniform(size=(12, 9, 2))


def by_hand(image, sigma, reach):
    """All weights of a square window at once, in float64."""
    places = np.arange(-reach, reach + 1)
    weights = np.exp(-(places[:, None] ** 2 + places**2) / (2 * sigma**2))
    weights /= weights.sum()
    around = ((reach, reach), (reach, reach), (0, 0))
    padded = np.pad(image, around, mode="symmetric")
    height, width, _ = image.shape
    return sum(
        weights[i, j] * padded[i : i + height, j : j + width]
        for i in range(len(places))
        for j in range(len(places))
    )


@pytest.mark.parametrize(("sigma", "reach"), [(0.5, 2), (1.3, 4), (2.0, 6)])
def test_it_is_a_gaussian(sigma, reach):
    blur = Blur(sigma)
    assert blur.margin == reach and blur.scale == 1
    found = blur.degrade(KEY, jnp.float32(IMAGE))
    np.testing.assert_allclose(found, by_hand(IMAGE, sigma, reach), atol=1e-6)


def test_of_a_range_each_image_draws_its_own_width():
    blur = Blur((0.5, 2.0))
    assert blur.margin == 6
    spot = jnp.zeros((8, 21, 21, 1)).at[:, 10, 10].set(1.0)
    found = jax.vmap(blur.degrade)(jax.random.split(KEY, 8), spot)
    np.testing.assert_allclose(found.sum((1, 2, 3)), 1, atol=1e-5)
    peaks = np.asarray(found[:, 10, 10, 0])
    assert len(set(peaks.tolist())) == 8
    # A Gaussian's peak is 1 / (2 pi sigma^2).
    assert 0.035 < peaks.min() < peaks.max() < 0.65


@pytest.mark.parametrize("sigma", [0, 11, (2.0, 1.0)])
def test_wrong_widths_are_refused(sigma):
    with pytest.raises(ValueError, match=r"sigma is .*; expected a number from 0.1 to"):
        Blur(sigma)
