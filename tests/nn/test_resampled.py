import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.resampling import avg_pool, upsample_nearest


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("side", [4, 5])
def test_the_same_numbers_from_the_same_kernel(way, side):
    rng = np.random.default_rng(0)
    given = {"kernel": rng.normal(size=(3, 3, 2, 4)), "bias": rng.normal(size=4)}

    @jax.jit
    def both(x):
        layer = Conv(4, 3, use_bias=True, resample=way, dtype=jnp.float64)
        plain = layer.clone(resample=None)
        found = layer.apply({"params": given}, x)
        if way == "up":
            return found, plain.apply({"params": given}, upsample_nearest(x))
        return found, avg_pool(plain.apply({"params": given}, x), 2)

    with jax.enable_x64(True):
        found, want = both(jnp.asarray(rng.normal(size=(2, side, 6, 2))))
    np.testing.assert_allclose(found, want, atol=1e-12)


@pytest.mark.parametrize(
    "fields",
    [{"kernel_size": 1}, {"strides": 2}, {"groups": 2}, {"padding": 0}],
)
def test_only_plain_3x3_convolutions(fields):
    conv = Conv(4, **{"kernel_size": 3, "resample": "up", **fields})
    with pytest.raises(ValueError, match="resample needs a 3x3 kernel without strides"):
        jax.eval_shape(conv.init, jax.random.key(0), jnp.ones((1, 4, 4, 2)))


def test_unknown_way():
    conv = Conv(4, 3, resample="upp")
    with pytest.raises(ValueError, match="Did you mean up"):
        jax.eval_shape(conv.init, jax.random.key(0), jnp.ones((1, 4, 4, 2)))
