"""Groups by matrix products are the groups of XLA's convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import FAST

from resnet_jax.nn import grouped
from resnet_jax.nn.conv2d import Window, plain_kernel, plain_output

WINDOWS = [
    ((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 4),
    ((3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 2),
    ((2, 3), (3, 2), ((-1, 2), (3, 0)), (2, 1), 8),
    ((1, 1), (1, 2), ((0, 0), (0, 0)), (1, 1), 3),
    ((4, 2), (2, 1), ((2, 1), (0, 3)), (1, 2), 1),
]


@pytest.fixture(params=[(1, 1), (4, 2**20), (16, 2**20)])
def limits(request, monkeypatch):
    """Of channels and bytes that are computed together."""
    monkeypatch.setattr(grouped, "TOGETHER", request.param[0])
    monkeypatch.setattr(grouped, "CHUNK", request.param[1])


def drawn(size, groups, channels=2, features=3):
    """Images of 7 x 8 pixels, and a kernel."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 7, 8, channels * groups))
    return x, rng.normal(size=(*size, channels, features * groups))


@pytest.mark.parametrize(("size", "strides", "padding", "dilation", "groups"), WINDOWS)
@pytest.mark.usefixtures("limits")
def test_the_output(size, strides, padding, dilation, groups):
    with jax.enable_x64(True):
        x, kernel = drawn(size, groups)
        window = Window(strides, padding, dilation, groups)
        wanted = plain_output(x, kernel, window=window)

        def found(x, kernel):
            return grouped.grouped_output(
                x, kernel, strides, padding, (1, 1), dilation, groups
            )

        y = jax.jit(found, compiler_options=FAST)(x, kernel)
        np.testing.assert_allclose(y, wanted, 1e-12, 1e-12)


@pytest.mark.usefixtures("limits")
def test_pixels_that_are_apart():
    with jax.enable_x64(True):
        x, kernel = drawn((3, 3), 4)
        padding = ((2, 1), (-1, 3))
        wanted = jax.lax.conv_general_dilated(
            x,
            kernel,
            (1, 1),
            padding,
            lhs_dilation=(2, 3),
            feature_group_count=4,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        y = grouped.grouped_output(x, kernel, (1, 1), padding, (2, 3), (1, 1), 4)
        np.testing.assert_allclose(y, wanted, 1e-12, 1e-12)


@pytest.mark.parametrize(("size", "strides", "padding", "dilation", "groups"), WINDOWS)
@pytest.mark.usefixtures("limits")
def test_the_gradient(size, strides, padding, dilation, groups):
    with jax.enable_x64(True):
        x, kernel = drawn(size, groups)
        window = Window(strides, padding, dilation, groups)
        shape = jax.eval_shape(lambda *a: plain_output(*a, window=window), x, kernel)
        g = np.random.default_rng(1).normal(size=shape.shape)
        wanted = plain_kernel(x, g, window=window, size=size)

        def found(x, g):
            return grouped.grouped_kernel(
                x, g, strides, padding, dilation, size, groups
            )

        y = jax.jit(found, compiler_options=FAST)(x, g)
        np.testing.assert_allclose(y, wanted, 1e-11, 1e-11)


def test_half_precision_is_added_up_in_float32():
    """As many ones as bfloat16, which knows no 257, cannot count one by one."""
    x, g = (jnp.ones((8, 16, 16, 4), jnp.bfloat16) for _ in range(2))
    y = grouped.grouped_kernel(x, g, (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), 2)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, np.full((1, 1, 2, 4), 2048))


def test_narrow_groups_of_many_pixels_pay():
    apart, together = (1, 1), (2, 2)
    assert grouped.grouped_pays((8, 16, 16, 128), (3, 3, 4, 128), apart)
    assert grouped.grouped_pays((8, 32, 32, 1536), (3, 3, 16, 1536), apart)
    assert not grouped.grouped_pays((8, 16, 16, 1536), (3, 3, 16, 1536), apart)
    assert not grouped.grouped_pays((8, 8, 8, 256), (3, 3, 8, 256), apart)
    assert grouped.grouped_pays((8, 8, 8, 256), (3, 3, 8, 256), together)
    assert not grouped.grouped_pays((8, 64, 64, 512), (3, 3, 32, 512), apart)
