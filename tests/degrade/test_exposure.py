"""Bad light by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.degrade import Exposure

KEY = jax.random.key(3)
IMAGE = np.random.default_rng(0).uniform(size=(16, 16, 3))


def test_contrast_then_gamma():
    found = Exposure(gamma=2.0, contrast=0.5, sigma=0).degrade(KEY, jnp.float32(IMAGE))
    np.testing.assert_allclose(found, (0.5 + 0.5 * (IMAGE - 0.5)) ** 2, atol=1e-6)
    ends = Exposure(gamma=2.5, contrast=1.0, sigma=0).degrade(
        KEY, jnp.float32([[[0.0, 0.5, 1.0]]])
    )
    np.testing.assert_allclose(ends, [[[0, 0.5**2.5, 1]]], atol=1e-6)


def test_noise_comes_last():
    clean = jnp.full((64, 64, 3), 0.25)
    found = np.asarray(Exposure(2.0, 1.0, 10.0).degrade(KEY, clean))
    np.testing.assert_allclose(found.mean(), 0.0625, atol=2e-3)
    np.testing.assert_allclose(255 * found.std(), 10, rtol=0.03)
    assert found.min() < 0


def test_each_image_draws_all_three():
    keys = jax.random.split(KEY, 30)
    white, middle = jnp.ones((30, 8, 8, 1)), jnp.full((30, 8, 8, 1), 0.5)
    # White tells contrast where gamma is 1, and the middle gamma.
    contrast = jax.vmap(Exposure(1.0, (0.4, 1.0), 0).degrade)(keys, white)[:, 0, 0, 0]
    contrast = 2 * np.asarray(contrast) - 1
    assert 0.4 <= contrast.min() < 0.5 and 0.9 < contrast.max() <= 1
    gamma = jax.vmap(Exposure((1.0, 2.5), 1.0, 0).degrade)(keys, middle)[:, 0, 0, 0]
    gamma = np.log(np.asarray(gamma)) / np.log(0.5)
    assert 1 <= gamma.min() < 1.2 and 2.1 < gamma.max() <= 2.5
    assert abs(np.corrcoef(contrast, gamma)[0, 1]) < 0.5


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"gamma": 0.0}, "gamma is 0.0; expected a number from 0.1 to 10"),
        ({"contrast": 1.5}, "contrast is 1.5; expected a number from 0.01 to 1"),
        ({"sigma": -2}, "sigma is -2; expected a number from 0 to 255"),
    ],
)
def test_wrong_strengths_are_refused(fields, text):
    with pytest.raises(ValueError, match=text):
        Exposure(**fields)
