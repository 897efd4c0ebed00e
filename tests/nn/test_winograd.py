"""The transforms change nothing but the time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn import winograd as module
from resnet_jax.nn.conv2d import conv2d
from resnet_jax.nn.winograd import winograd, winograd_kernel, winograd_pays

PADDINGS = {
    "same": ((1, 1), (1, 1)),
    "valid": ((0, 0), (0, 0)),
    "wide": ((2, 2), (1, 2)),
    "one-sided": ((1, 0), (0, 1)),
    "cut": ((-1, 1), (0, 0)),
}


def by_xla(x, kernel, padding):
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@pytest.mark.parametrize("chunk", [2**20, 3000, 400], ids=["all", "images", "bands"])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(4, 13, 4), (3, 8, 9)])
def test_it_is_the_convolution_and_its_gradient(monkeypatch, chunk, padding, size):
    monkeypatch.setattr(module, "CHUNK", chunk)
    monkeypatch.setattr(module, "KERNEL_CHUNK", chunk)
    pads, rng = PADDINGS[padding], np.random.default_rng(0)
    with jax.enable_x64(True):
        x, kernel = rng.normal(size=(*size, 3)), rng.normal(size=(3, 3, 3, 5))
        y, gradient = jax.vjp(lambda kernel: by_xla(x, kernel, pads), kernel)
        g = jnp.asarray(rng.normal(size=y.shape))
        found = jax.jit(lambda x, kernel: winograd(x, kernel, pads))(x, kernel)
        slope = jax.jit(lambda x, g: winograd_kernel(x, g, pads))(x, g)
        assert found.dtype == slope.dtype == jnp.float64
        np.testing.assert_allclose(found, y, 0, 1e-13)
        np.testing.assert_allclose(slope, gradient(g)[0], 0, 1e-13)


def test_single_precision_is_kept():
    """The root of the mean square error is at most twice that of XLA's."""
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 16, 16, 64)), rng.normal(size=(3, 3, 64, 64))
    pads = PADDINGS["same"]
    with jax.enable_x64(True):
        exact, by_kernel = jax.vjp(lambda kernel: by_xla(x, kernel, pads), kernel)
        slope = by_kernel(exact)[0]
    x, kernel, g = (jnp.asarray(a, "float32") for a in (x, kernel, exact))
    y, by_kernel = jax.vjp(lambda kernel: by_xla(x, kernel, pads), kernel)

    def error(found, exact):
        return float(np.sqrt(np.mean(np.square(found - np.asarray(exact)))))

    assert error(winograd(x, kernel, pads), exact) < 2 * error(y, exact)
    found = error(winograd_kernel(x, g, pads), slope)
    assert found < 2 * error(by_kernel(g)[0], slope)


def test_it_is_taken_where_it_pays():
    wide = (3, 3, 64, 64)
    assert winograd_pays(wide, (4, 16, 16, 64)) and winograd_pays(wide, (2, 24, 23, 64))
    assert not winograd_pays((3, 3, 32, 64), (4, 16, 16, 64))  # few channels
    assert not winograd_pays((1, 1, 64, 64), (4, 16, 16, 64))
    assert not winograd_pays((5, 5, 64, 64), (4, 16, 16, 64))
    assert not winograd_pays(wide, (1, 8, 8, 64))  # few pixels
    assert winograd_pays(wide, (16, 8, 8, 64))
    assert not winograd_pays(wide, (16, 8, 8, 64), gradient=True)
    assert winograd_pays((3, 3, 128, 128), (16, 8, 8, 128), gradient=True)
    # A quarter of the tiles' pixels is nothing.
    assert not winograd_pays(wide, (64, 7, 7, 64))


def taken(shape=(4, 16, 16, 64), dtype="float32", **options):
    """How many of a convolution and its gradients are loops with matrix products."""
    x, kernel = jnp.ones(shape, dtype), jnp.ones((3, 3, 64, 64), dtype)
    slopes = jax.grad(lambda x, k: conv2d(x, k, **options).sum(), (0, 1))
    functions = (lambda x, k: conv2d(x, k, **options)), slopes
    texts = [jax.jit(f).lower(x, kernel).as_text() for f in functions]
    return [text.count("stablehlo.while") for text in texts]


def test_by_one_device_in_single_precision(monkeypatch):
    assert jax.device_count() == 2 and taken(padding="SAME") == [0, 0]
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    assert taken(padding="SAME") == [1, 2]
    assert taken(shape=(4, 20, 20, 64)) == [1, 2]
    assert taken(dtype="bfloat16", padding="SAME") == [0, 0]
    assert taken(strides=(2, 2), padding="SAME") == [0, 0]
    assert taken(shape=(4, 20, 20, 64), dilation=(2, 2)) == [0, 0]
