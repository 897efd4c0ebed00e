"""The resizes against an oracle pixel by pixel, and against Pillow."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from resnet_jax.metrics.resizing import clean_resize, legacy_resize

SIZES = [((8, 8), (29, 29)), ((32, 20), (11, 47)), ((5, 7), (5, 7)), ((40, 9), (13, 9))]


def pixels(size, channels=3):
    rng = np.random.default_rng(sum(size))
    return rng.integers(0, 256, (2, *size, channels), np.uint8)


def oracle(image: np.ndarray, size) -> np.ndarray:
    """TensorFlow 1: source = target * in / out, in float64."""
    rows, columns, _ = image.shape
    out = np.zeros((*size, image.shape[-1]))
    for i in range(size[0]):
        for j in range(size[1]):
            y, x = i * rows / size[0], j * columns / size[1]
            top, left = math.floor(y), math.floor(x)
            low, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
            v, u = y - top, x - left
            above = (1 - u) * image[top, left] + u * image[top, right]
            below = (1 - u) * image[low, left] + u * image[low, right]
            out[i, j] = (1 - v) * above + v * below
    return out


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_legacy_is_that_of_tensorflow_1(old, new):
    images = pixels(old)
    found = jax.jit(legacy_resize, static_argnums=1)(images, new)
    assert found.dtype == jnp.float32
    expected = np.stack([oracle(image.astype(np.float64), new) for image in images])
    np.testing.assert_allclose(found / 255, expected / 255, atol=1e-5)


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_clean_is_pillows(old, new):
    images = pixels(old)
    found = jax.jit(clean_resize, static_argnums=1)(images, new)
    for image, resized in zip(images, found, strict=True):
        for channel in range(3):
            plane = Image.fromarray(image[..., channel].astype(np.float32))
            theirs = plane.resize(new[::-1], Image.Resampling.BICUBIC)
            expected = np.clip(np.asarray(theirs), 0, 255)
            np.testing.assert_allclose(resized[..., channel], expected, atol=1e-3)


def test_the_same_size_changes_nothing():
    images = pixels((12, 9))
    for resize in (legacy_resize, clean_resize):
        np.testing.assert_array_equal(resize(images, (12, 9)), images)


def test_legacy_moves_images_to_the_upper_left():
    """It has no half-pixel centers: what FID is made with is not symmetric."""
    images = pixels((8, 8))
    turned = legacy_resize(images[:, ::-1, ::-1], (16, 16))[:, ::-1, ::-1]
    assert np.abs(turned - legacy_resize(images, (16, 16))).max() > 10
    turned = clean_resize(images[:, ::-1, ::-1], (16, 16))[:, ::-1, ::-1]
    np.testing.assert_allclose(turned, clean_resize(images, (16, 16)), atol=1e-3)
