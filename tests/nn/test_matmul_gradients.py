"""Matrix products are the gradients that XLA's convolution has."""

from functools import partial

import jax
import numpy as np
import pytest
from drawn import FAST

from resnet_jax.nn import matmul_gradients as products
from resnet_jax.nn.conv2d import Window, plain_image, plain_kernel, plain_output


def compare(found, x, shape, strides, padding, size):
    """With x [B, H, W, C], cotangents of this shape and a kernel of this size."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, g = rng.normal(size=x), rng.normal(size=shape)
        window = Window(strides, padding, (1, 1), 1)
        wanted = plain_kernel(x, g, window=window, size=size)
        found = jax.jit(found, compiler_options=FAST)(x, g)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, 1e-11, 1e-11)


@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_kernel_by_pixels(strides):
    shape = (2, -(-5 // strides[0]), -(-7 // strides[1]), 4)

    def found(x, g):
        return products.kernel_by_pixels(x, g, strides)

    compare(found, (2, 5, 7, 3), shape, strides, ((0, 0), (0, 0)), (1, 1))


@pytest.mark.parametrize(
    ("size", "padding"),
    [
        ((3, 3), ((1, 1), (1, 1))),
        ((3, 2), ((0, 0), (0, 0))),
        ((2, 5), ((0, 1), (4, 1))),
        ((4, 1), ((5, 4), (-1, 2))),
        ((9, 9), ((4, 4), (4, 4))),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2**20])
def test_kernel_by_lines(size, padding, chunk, monkeypatch):
    monkeypatch.setattr(products, "CHUNK", chunk)
    x = (6, 7, 8, 3)
    sides = zip(x[1:3], size, padding, strict=True)
    shape = (6, *(n + sum(pads) - s + 1 for n, s, pads in sides), 2)

    def found(x, g):
        return products.kernel_by_lines(x, g, padding, size)

    compare(found, x, shape, (1, 1), padding, size)


def test_few_features_and_many_pixels_pay():
    images = (64, 32, 32)
    assert products.lines_pay((*images, 16), (*images, 16))
    assert products.lines_pay((*images, 64), (*images, 3))
    assert not products.lines_pay((*images, 64), (*images, 16))
    assert not products.lines_pay((*images, 3), (*images, 16))
    assert not products.lines_pay((2, 32, 32, 16), (2, 32, 32, 16))


@pytest.mark.parametrize(
    ("size", "strides", "padding", "dilation"),
    [
        ((3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)),
        ((1, 1), (2, 3), ((0, 0), (0, 0)), (1, 1)),
        ((4, 3), (2, 1), ((2, 1), (0, 3)), (1, 1)),
        ((2, 3), (3, 2), ((-1, 2), (5, -2)), (3, 1)),
        ((9, 8), (1, 1), ((8, 8), (7, 7)), (1, 1)),
    ],
)
def test_image_by_places(size, strides, padding, dilation):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        kernel = rng.normal(size=(*size, 3, 4))
        window = Window(strides, padding, dilation, 1)
        x = jax.ShapeDtypeStruct((2, 9, 8, 3), kernel.dtype)
        g = rng.normal(
            size=jax.eval_shape(partial(plain_output, window=window), x, kernel).shape
        )
        wanted = plain_image(g, kernel, window=window, size=(9, 8))
        found = products.image_by_places(g, kernel, *window[:3], (9, 8))
        np.testing.assert_allclose(found, wanted, 1e-11, 1e-11)


def test_strides_and_small_images_pay():
    kernel = (3, 3, 64, 64)
    assert products.places_pay(kernel, (8, 16, 16, 64), (2, 2))
    assert products.places_pay(kernel, (800, 2, 2, 64), (1, 1))
    assert products.places_pay((1, 1, 64, 64), (80, 16, 16, 64), (2, 2))
    assert not products.places_pay(kernel, (80, 16, 16, 64), (2, 2))
    assert not products.places_pay(kernel, (8, 16, 16, 64), (1, 1))
    assert not products.places_pay((7, 7, 3, 64), (8, 16, 16, 64), (2, 2))
