import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.conditional import LabelNorm, VectorNorm
from resnet_jax.nn.normalization import NORMS, BatchNorm

RNG = np.random.default_rng(0)
X = RNG.normal(2, 3, (4, 3, 3, 5)).astype(np.float32)
LABELS = np.array([2, 0, 2, 1])
VECTORS = RNG.normal(size=(4, 6)).astype(np.float32)


def standardized(x, epsilon=1e-5):
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) / np.sqrt(var + epsilon)


def test_scale_and_bias_of_each_class():
    norm = LabelNorm(3)
    params = norm.init(jax.random.key(0), X, LABELS, True)["params"]
    assert params["scale"]["embedding"].shape == (3, 5)
    assert (params["scale"]["embedding"] == 1).all()
    assert (params["bias"]["embedding"] == 0).all()
    scale, bias = RNG.normal(size=(2, 3, 5)).astype(np.float32)
    params = {"scale": {"embedding": scale}, "bias": {"embedding": bias}}
    y, stats = norm.apply({"params": params}, X, LABELS, True, mutable="batch_stats")
    want = standardized(X) * scale[LABELS][:, None, None]
    want += bias[LABELS][:, None, None]
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
    mean = stats["batch_stats"]["norm"]["mean"]
    np.testing.assert_allclose(mean, 0.1 * X.mean((0, 1, 2)), rtol=1e-5)


def test_gain_and_bias_of_a_vector():
    norm = VectorNorm()
    gain, bias = RNG.normal(size=(2, 6, 5)).astype(np.float32)
    params = {"gain": {"kernel": gain}, "bias": {"kernel": bias}}
    variables = norm.init(jax.random.key(0), X, VECTORS, True)
    shapes = jax.tree.map(jnp.shape, variables["params"])
    assert shapes == jax.tree.map(jnp.shape, params)
    y, _ = norm.apply({"params": params}, X, VECTORS, True, mutable="batch_stats")
    want = standardized(X) * (1 + VECTORS @ gain)[:, None, None]
    want += (VECTORS @ bias)[:, None, None]
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)


def test_evaluation_takes_the_running_averages():
    norm = LabelNorm(3)
    variables = norm.init(jax.random.key(0), X, LABELS, True)
    y = norm.apply(variables, X, LABELS, False)
    np.testing.assert_allclose(y, X / np.sqrt(1 + 1e-5), rtol=1e-5)


@pytest.mark.parametrize("labels", [None, LABELS])
def test_without_classes_it_is_the_norm(labels):
    y, variables = LabelNorm().init_with_output(jax.random.key(0), X, labels, False)
    want, plain = BatchNorm().init_with_output(jax.random.key(0), X, False)
    np.testing.assert_array_equal(y, want)
    shapes = jax.tree.map(jnp.shape, variables["params"])
    assert shapes == {"norm": jax.tree.map(jnp.shape, plain["params"])}


@pytest.mark.parametrize("name", ["batch", "layer", "frn", "none"])
def test_any_norm_can_be_conditional(name):
    y = LabelNorm(3, NORMS[name]).init_with_output(jax.random.key(0), X, LABELS, False)
    assert y[0].shape == X.shape
    y, _ = VectorNorm(NORMS[name]).init_with_output(
        jax.random.key(0), X.astype(jnp.bfloat16), VECTORS, False
    )
    assert y.dtype == jnp.bfloat16
