import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.fir import downsample_fir, upsample_fir

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def correlate(x):
    """Sums of 4 x 4 pixels under the filter, wherever it fits."""
    height, width = x.shape[1] - 3, x.shape[2] - 3
    shifts = [(i, j) for i in range(4) for j in range(4)]
    return sum(FILTER[i, j] * x[:, i : i + height, j : j + width] for i, j in shifts)


@pytest.mark.parametrize("border", ["constant", "edge"])
def test_upsampling_by_hand(border):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 2))
    spread = np.zeros((2, 10, 12, 2))
    spread[:, ::2, ::2] = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), border)
    with jax.enable_x64(True):
        y = upsample_fir(jnp.asarray(x), border)
    np.testing.assert_allclose(y, 4 * correlate(spread[:, :-1, :-1]), atol=1e-12)


def test_downsampling_by_hand():
    x = np.random.default_rng(0).normal(size=(2, 6, 8, 2))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    with jax.enable_x64(True):
        y = downsample_fir(jnp.asarray(x))
    np.testing.assert_allclose(y, correlate(padded)[:, ::2, ::2], atol=1e-12)


def test_one_is_the_others_transpose():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1, 3, 5, 2)), rng.normal(size=(1, 6, 10, 2))
    with jax.enable_x64(True):
        up = np.asarray(upsample_fir(jnp.asarray(x)))
        down = np.asarray(downsample_fir(jnp.asarray(y)))
    assert (up * y).sum() == pytest.approx(4 * (x * down).sum(), rel=1e-12)


def test_inside_a_constant_stays():
    ones = jnp.ones((1, 8, 8, 1), jnp.bfloat16)
    up, down = upsample_fir(ones), downsample_fir(ones)
    assert up.dtype == down.dtype == jnp.bfloat16
    assert (up[:, 1:-1, 1:-1] == 1).all() and (down[:, 1:-1, 1:-1] == 1).all()


def test_odd_sides_are_refused():
    with pytest.raises(ValueError, match="7 x 4 cannot be halved"):
        downsample_fir(jnp.ones((1, 7, 4, 1)))
