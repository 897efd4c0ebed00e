import jax
import jax.numpy as jnp
import numpy as np
from drawn import drawn

from resnet_jax.nn.self_attention import SelfAttention


def test_it_starts_as_the_identity():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 4, 16)))
    y, variables = jax.jit(SelfAttention().init_with_output)(jax.random.key(0), x)
    np.testing.assert_array_equal(y, x)
    shapes = jax.tree.map(jnp.shape, variables["params"])
    assert shapes == {
        "theta": {"kernel": (1, 1, 16, 2)},
        "phi": {"kernel": (1, 1, 16, 2)},
        "g": {"kernel": (1, 1, 16, 8)},
        "o": {"kernel": (1, 1, 8, 16)},
        "gamma": (),
    }


def test_by_hand():
    x = np.random.default_rng(0).normal(0, 0.3, (1, 4, 6, 16)).astype(np.float32)
    layer = SelfAttention()
    params = drawn(layer.init, x)["params"]
    w = {k: np.asarray(v["kernel"][0, 0]) for k, v in params.items() if k != "gamma"}

    def pooled(y):
        return y.reshape(2, 2, 3, 2, -1).max((1, 3)).reshape(6, -1)

    queries = (x[0] @ w["theta"]).reshape(24, 2)
    keys, values = pooled(x[0] @ w["phi"]), pooled(x[0] @ w["g"])
    weights = np.exp(queries @ keys.T)
    weights /= weights.sum(-1, keepdims=True)
    want = x[0] + params["gamma"] * (weights @ values @ w["o"]).reshape(4, 6, 16)
    y = jax.jit(layer.apply)({"params": params}, x)[0]
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
