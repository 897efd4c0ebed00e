import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.resampling import (
    avg_pool,
    avg_pool_exactly,
    avg_pool_squares,
    blur_pool,
    global_avg_pool,
    max_pool,
    upsample_nearest,
)


@pytest.mark.parametrize("side", [5, 6])
def test_max_pool_pads_every_side_with_minus_infinity(side):
    x = -1 - np.arange(side * side, dtype=np.float32).reshape(1, side, side, 1)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    places = range(0, side, 2)
    want = [[padded[0, i : i + 3, j : j + 3].max() for j in places] for i in places]
    np.testing.assert_array_equal(max_pool(x, 3, 2, padding=1)[0, ..., 0], want)


@pytest.mark.parametrize(
    ("window", "strides", "margin"), [(3, 2, 1), (2, 2, 0), (3, 1, 1)]
)
def test_max_pool_has_xlas_derivatives(window, strides, margin):
    """Of first and second order; of equal values the first one has it all."""

    def by_xla(x, *_):
        pads = (margin, margin)
        return nn.max_pool(x, (window, window), (strides, strides), (pads, pads))

    def derivatives(pool):
        def loss(x):
            return jnp.square(jnp.sin(pool(x, window, strides, margin))).sum()

        def steepness(x):
            return jnp.square(jax.grad(loss)(x)).sum()

        return (
            pool(x, window, strides, margin),
            jax.grad(loss)(x),
            jax.grad(steepness)(x),
        )

    # Whole numbers, of which many are equal.
    x = jnp.array(np.random.default_rng(0).integers(-2, 3, (2, 9, 8, 3)), jnp.float32)
    for found, wanted in zip(derivatives(max_pool), derivatives(by_xla), strict=True):
        np.testing.assert_allclose(found, wanted, 1e-6, 1e-6)


def test_max_pool_of_what_is_not_finite():
    x = jnp.zeros((1, 4, 4, 1)).at[0, 0, 0].set(jnp.nan).at[0, 3].set(-jnp.inf)
    np.testing.assert_array_equal(max_pool(x, 2)[0, ..., 0], [[jnp.nan, 0], [0, 0]])


def test_avg_pool():
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(avg_pool(x, 2)[0, ..., 0], [[2.5, 4.5], [10.5, 12.5]])
    assert avg_pool(x, 3, 1).shape == (1, 2, 2, 1)


def test_global_mean_is_summed_in_float32():
    x = jnp.full((1, 64, 64, 2), 1.0078125, jnp.bfloat16)
    y = global_avg_pool(x)
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, 1.0078125, rtol=1e-6)


def test_windows_over_the_edge_average_what_is_inside():
    x = np.arange(15, dtype=np.float32).reshape(1, 3, 5, 1)
    want = [[3, 5, 6.5], [10.5, 12.5, 14]]
    np.testing.assert_array_equal(avg_pool(x, 2, ceil=True)[0, ..., 0], want)
    assert avg_pool(x, 2).shape == (1, 1, 2, 1)


def test_blur_by_hand():
    x = np.zeros((1, 5, 4, 1), "f4")
    x[0, 1, 2] = 16
    # The border is reflected: it sees its neighbor twice.
    once = 16 * np.outer([0.5, 0.5, 0.25, 0, 0], [0, 0.25, 0.5, 0.5])
    np.testing.assert_array_equal(blur_pool(x, 1)[0, ..., 0], once)
    np.testing.assert_array_equal(blur_pool(x, 2)[0, ..., 0], once[::2, ::2])
    np.testing.assert_array_equal(blur_pool(np.ones_like(x), 2), np.ones((1, 3, 2, 1)))


def test_what_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="at least 2 x 2 pixels, not 1 x 4"):
        blur_pool(jnp.zeros((1, 1, 4, 1)), 2)
    with pytest.raises(ValueError, match="feature maps of 3 x 4 by 2"):
        avg_pool_exactly(jnp.zeros((1, 3, 4, 1)), 2)


@pytest.mark.parametrize("size", [5, 6])
def test_means_of_squares(size):
    x = np.random.default_rng(0).normal(size=(2, size, size, 1))
    mean = avg_pool_squares(x, 2)
    assert mean.shape[1] == 3
    np.testing.assert_allclose(mean[:, 0, 0], x[:, :2, :2].mean((1, 2)), rtol=1e-5)
    inside = x[:, 4:, 4:].mean((1, 2))
    np.testing.assert_allclose(mean[:, 2, 2], inside, rtol=1e-5)
    dilated = avg_pool_squares(x, 1, 2)
    assert dilated.shape == x.shape
    np.testing.assert_allclose(dilated[:, -1, -1], x[:, -1, -1] / 4, rtol=1e-5)
    assert avg_pool_squares(x, 1, 1) is x


def test_nearest_upsampling_repeats_pixels():
    x = jnp.arange(4.0).reshape(1, 2, 2, 1)
    want = [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    np.testing.assert_array_equal(upsample_nearest(x)[0, :, :, 0], want)
    assert upsample_nearest(x, 3).shape == (1, 6, 6, 1)
