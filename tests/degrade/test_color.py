"""Lightness and color taken apart, and put together again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.degrade import Colorless

KEY = jax.random.key(0)
CHANGE = Colorless()
IMAGE = jnp.float32(np.random.default_rng(0).uniform(size=(9, 7, 3)))


def test_there_and_back():
    low, color = CHANGE.degrade(KEY, IMAGE), CHANGE.target(IMAGE)
    assert low.shape == (9, 7, 1) and color.shape == (9, 7, 2)
    np.testing.assert_allclose(CHANGE.image(low, color), IMAGE, atol=2e-5)
    np.testing.assert_array_equal(CHANGE.encode(IMAGE), low)


def test_units_are_those_of_pix2pix():
    """scikit-image's Lab of pure colors; in [-1, 1]: L / 50 - 1 and ab / 110."""
    pure = jnp.float32([[[1, 0, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]]])
    lightness = np.array([53.2406, 32.2957, 100, 0])
    color = np.array([[80.0942, 67.2015], [79.1856, -107.8573], [0, 0], [0, 0]])
    low, target = CHANGE.degrade(KEY, pure), CHANGE.target(pure)
    np.testing.assert_allclose(2 * low[0, :, 0] - 1, lightness / 50 - 1, atol=1e-4)
    np.testing.assert_allclose(2 * target[0] - 1, color / 110, atol=1e-4)


def test_without_help_one_sees_grey():
    seen = np.asarray(CHANGE.seen(CHANGE.degrade(KEY, IMAGE)))
    np.testing.assert_allclose(np.ptp(seen, -1), 0, atol=1e-3)
    np.testing.assert_allclose(
        CHANGE.encode(jnp.asarray(seen)), CHANGE.encode(IMAGE), atol=1e-4
    )


def test_colors_that_there_are_none_of_stay_within_the_image():
    low = jnp.full((2, 2, 1), 0.5)
    for answer in (-1.0, 0.0, 1.0, 3.0):
        image = np.asarray(CHANGE.image(low, jnp.full((2, 2, 2), answer)))
        assert np.isfinite(image).all() and 0 <= image.min() <= image.max() <= 1


def test_it_is_for_color_images():
    assert CHANGE.channels(3) == (1, 2) and not CHANGE.shows
    for channels, text in ((1, "of 1 channel;"), (4, "of 4 channels;")):
        with pytest.raises(ValueError, match=text):
            CHANGE.channels(channels)
