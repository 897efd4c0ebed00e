"""Gaussian noise of a strength in grey levels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.degrade import Noise

CLEAN = jnp.linspace(0, 1, 64 * 64 * 3).reshape(64, 64, 3)


def levels(noise, key=0):
    return np.asarray(noise.degrade(jax.random.key(key), CLEAN) - CLEAN) * 255


def test_it_has_mean_zero_and_the_given_deviation():
    found = levels(Noise(25.0))
    assert abs(found.mean()) < 4 * 25 / np.sqrt(found.size)
    np.testing.assert_allclose(found.std(), 25, rtol=0.02)
    # Channels and neighbours have noise of their own.
    a, b, _ = np.moveaxis(found, -1, 0)
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.06
    assert abs(np.corrcoef(a[1:].ravel(), a[:-1].ravel())[0, 1]) < 0.06


def test_it_is_neither_clipped_nor_rounded():
    noisy = np.asarray(Noise(25.0).degrade(jax.random.key(0), CLEAN))
    assert noisy.min() < 0 and noisy.max() > 1 and noisy.dtype == np.float32
    assert (noisy * 255 % 1 != 0).mean() > 0.9


def test_of_a_range_each_image_draws_its_own_strength():
    keys = jax.random.split(jax.random.key(0), 40)
    images = jnp.broadcast_to(CLEAN, (40, *CLEAN.shape))
    found = jax.vmap(Noise((10.0, 50.0)).degrade)(keys, images) - images
    sigmas = 255 * np.asarray(found).std((1, 2, 3))
    assert 9.5 < sigmas.min() < 16 and 44 < sigmas.max() < 51
    np.testing.assert_allclose(sigmas.mean(), 30, atol=6)


def test_the_key_decides():
    np.testing.assert_array_equal(levels(Noise()), levels(Noise(25.0)))
    assert (levels(Noise(), 1) != levels(Noise())).mean() > 0.99
    np.testing.assert_array_equal(levels(Noise(0.0)), 0)


def test_wrong_strengths_are_refused():
    with pytest.raises(ValueError, match="sigma is -1; expected a number from 0 to"):
        Noise(-1)
