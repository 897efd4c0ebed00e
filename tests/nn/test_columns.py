"""Columns times a kernel are its convolution."""

import jax
import numpy as np
import pytest

from resnet_jax.nn.columns import columns, padded
from resnet_jax.nn.conv2d import Window, plain_output


@pytest.mark.parametrize(
    ("size", "strides", "dilation"),
    [((3, 3), (1, 1), (1, 1)), ((1, 4), (2, 3), (1, 1)), ((3, 2), (2, 1), (1, 3))],
)
def test_columns_times_a_kernel(size, strides, dilation):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, kernel = rng.normal(size=(2, 6, 7, 3)), rng.normal(size=(*size, 3, 4))
        window = Window(strides, ((0, 0), (0, 0)), dilation, 1)
        wanted = plain_output(x, kernel, window=window)
        found = columns(x, size, strides, dilation) @ kernel.reshape(-1, 4)
        np.testing.assert_allclose(found, wanted, 1e-12, 1e-12)


def test_zeros_around_and_between():
    x = np.arange(1.0, 5).reshape(1, 2, 2, 1)
    y = padded(x, ((1, 0), (-1, 2)), (1, 3))
    np.testing.assert_array_equal(
        y[0, :, :, 0], [[0, 0, 0, 0, 0], [0, 0, 2, 0, 0], [0, 0, 4, 0, 0]]
    )
