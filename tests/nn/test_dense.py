import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.nn.dense import Dense, Embed


def test_dense_by_hand():
    rng = np.random.default_rng(0)
    x, kernel, bias = (rng.normal(size=s) for s in ((2, 3), (3, 4), (4,)))
    with jax.enable_x64(True):
        given = {"params": {"kernel": kernel, "bias": bias}}
        y = Dense(4, dtype="float64").apply(given, x)
    np.testing.assert_allclose(y, x @ kernel + bias, atol=1e-12)


def test_embedding_is_dense_of_the_one_hot_label():
    embed, labels = Embed(5, 3), jnp.array([4, 0, 4])
    rows, variables = embed.init_with_output(jax.random.key(0), labels)
    params = {"kernel": variables["params"]["embedding"]}
    one_hot = jax.nn.one_hot(labels, 5)
    dense = Dense(3, use_bias=False).apply({"params": params}, one_hot)
    np.testing.assert_allclose(rows, dense, rtol=1e-6)


def test_types():
    labels = jnp.zeros(2, int)
    for layer, x in (
        (Dense(2, dtype=jnp.bfloat16), jnp.ones((2, 3))),
        (Embed(3, 2, dtype=jnp.bfloat16), labels),
    ):
        y, variables = layer.init_with_output(jax.random.key(0), x)
        assert y.dtype == jnp.bfloat16
        assert all(p.dtype == jnp.float32 for p in jax.tree.leaves(variables))
    with jax.enable_x64(True):
        y, variables = Embed(3, 2, dtype=jnp.float64).init_with_output(
            jax.random.key(0), labels
        )
        assert y.dtype == variables["params"]["embedding"].dtype == jnp.float64
