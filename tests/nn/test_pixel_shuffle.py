import numpy as np
import pytest

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.pixel_shuffle import (
    enlarge,
    pixel_shuffle,
    pixel_unshuffle,
    steps_of,
)


@pytest.mark.parametrize("factor", [2, 3])
def test_channels_become_pixels_in_pytorchs_order(factor):
    height, width, channels = 2, 3, 2
    shape = (1, height, width, channels * factor**2)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y = np.asarray(pixel_shuffle(x, factor))
    assert y.shape == (1, factor * height, factor * width, channels)
    for i, j, c in np.ndindex(y.shape[1:]):
        channel = (c * factor + i % factor) * factor + j % factor
        assert y[0, i, j, c] == x[0, i // factor, j // factor, channel]
    np.testing.assert_array_equal(pixel_unshuffle(y, factor), x)


def test_sides_that_are_no_multiple():
    with pytest.raises(ValueError, match="multiples of 4, not 8 x 6: pad or crop"):
        pixel_unshuffle(np.zeros((1, 8, 6, 1)), 4)


def test_steps():
    assert [steps_of(scale) for scale in (1, 3, 8)] == [(), (3,), (2, 2, 2)]
    with pytest.raises(ValueError, match="scale is 16; expected one of 1, 2, 3, 4, 8"):
        steps_of(16)


def test_both_ways_of_enlarging():
    """Convolutions that copy: each way repeats pixels."""
    x = np.random.default_rng(0).normal(size=(1, 2, 3, 1)).astype(np.float32)
    want = x.repeat(2, 1).repeat(2, 2)
    for resize_conv, features in ((False, 4), (True, 1)):

        def conv(width, features=features):
            assert width == features
            kernel = {"kernel": np.ones((1, 1, 1, features), np.float32)}
            return Conv(width, 1).bind({"params": kernel})

        np.testing.assert_array_equal(enlarge(x, 2, conv, resize_conv), want)
