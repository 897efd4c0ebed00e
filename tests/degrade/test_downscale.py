"""Small images as published sets have them, of patches and of whole images."""

import jax
import numpy as np
import pytest

from resnet_jax.bicubic import bicubic
from resnet_jax.degrade import Downscale

KEY = jax.random.key(0)
# Noise, with the extremes that overshoot, and 3 channels.
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 72, 3), np.uint8)
IMAGE[10:30, 20:40] = 255
IMAGE[20:40, 44:60] = 0


def low(image, factor):
    small = Downscale(factor).degrade(KEY, np.float32(image) / np.float32(255))
    levels = np.asarray(small) * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    return np.rint(levels).astype(np.uint8)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_whole_images_are_the_published_ones(factor):
    np.testing.assert_array_equal(low(IMAGE, factor), bicubic(IMAGE, 1 / factor))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_patches_are_those_of_the_image_inside_of_the_margin(factor):
    change, side = Downscale(factor), 24
    top, left = 2 * factor, 4 * factor
    patch = low(IMAGE[top : top + side, left : left + side], factor)
    part = bicubic(IMAGE, 1 / factor)[2:, 4:][: side // factor, : side // factor]
    cut = change.margin
    inside = slice(cut, -cut)
    np.testing.assert_array_equal(patch[inside, inside], part[inside, inside])
    # The margin is no larger than it has to be.
    nearer = slice(cut - 1, 1 - cut)
    assert (patch[nearer, nearer] != part[nearer, nearer]).any()


def test_scale_and_what_one_sees():
    change = Downscale(3)
    assert change.scale == 3 and change.shows and change.channels(3) == (3, 3)
    small = np.float32(IMAGE[:6, :8]) / 255
    seen = np.asarray(change.seen(small))
    wanted = bicubic(IMAGE[:6, :8], 3) / 255
    assert seen.shape == (18, 24, 3)
    # Neither rounded nor clipped between the passes.
    np.testing.assert_allclose(np.clip(seen, 0, 1), wanted, atol=0.05)


@pytest.mark.parametrize("factor", [1, 0, -4])
def test_a_factor_below_two_is_refused(factor):
    with pytest.raises(ValueError, match=f"factor is {factor}; expected a whole"):
        Downscale(factor)
