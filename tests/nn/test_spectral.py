from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.dense import Dense, Embed
from resnet_jax.nn.spectral import (
    SpectralConv,
    SpectralDense,
    SpectralEmbed,
    layers,
)

IMAGES = np.random.default_rng(0).normal(size=(2, 5, 5, 6)).astype(np.float32)
LABELS = np.array([3, 0, 6])
CASES = {
    "conv": (partial(SpectralConv, 7, 3), Conv(7, 3), IMAGES),
    "dense": (
        partial(SpectralDense, 7, use_bias=False),
        Dense(7, use_bias=False),
        IMAGES[0, 0],
    ),
    "embed": (partial(SpectralEmbed, 7, 4), Embed(7, 4), LABELS),
}
CASES_OF = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def matrix(variables):
    """Outputs in rows."""
    (kernel,) = variables["params"].values()
    kernel = np.asarray(kernel, np.float64)
    return kernel.reshape(-1, kernel.shape[-1]).T


def advanced(layer, variables, x):
    _, new = layer.apply(variables, x, mutable="spectral")
    return {**variables, **new}


@CASES_OF
def test_largest_singular_value_after_fifty_iterations(case):
    make, plain, x = case
    layer = make(update=True)
    variables = drawn(layer.init, x)
    params = {"params": variables["params"]}
    step = jax.jit(partial(advanced, layer))
    for _ in range(50):
        variables = step(variables, x)
    largest = np.linalg.svd(matrix(variables), compute_uv=False)[0]
    u = variables["spectral"]["u"]
    assert np.linalg.norm(matrix(variables).T @ u) == pytest.approx(largest, rel=1e-3)
    y = make().apply(variables, x)
    np.testing.assert_allclose(y, plain.apply(params, x) / largest, rtol=2e-3)


@CASES_OF
def test_training_advances_by_exactly_one_iteration(case):
    make, plain, x = case
    variables = drawn(make(update=True).init, x)
    u = np.asarray(variables["spectral"]["u"], np.float64)
    w = matrix(variables)
    v = w.T @ u / np.linalg.norm(w.T @ u)
    want = w @ v / np.linalg.norm(w @ v)
    apply = jax.jit(partial(make(update=True).apply, mutable="spectral"))
    y, new = apply(variables, x)
    np.testing.assert_allclose(new["spectral"]["u"], want, rtol=1e-4, atol=1e-6)
    plain = plain.apply({"params": variables["params"]}, x)
    np.testing.assert_allclose(y, plain / (want @ w @ v), rtol=1e-4, atol=1e-6)


@CASES_OF
def test_other_calls_write_nothing(case):
    make, plain, x = case
    variables = drawn(make(update=True).init, x)
    u, w = np.asarray(variables["spectral"]["u"], np.float64), matrix(variables)
    want = plain.apply({"params": variables["params"]}, x) / np.linalg.norm(w.T @ u)
    evaluated, same = jax.jit(partial(make().apply, mutable="spectral"))(variables, x)
    np.testing.assert_array_equal(same["spectral"]["u"], variables["spectral"]["u"])
    fixed = make(update=True).apply(variables, x)
    np.testing.assert_allclose(evaluated, want, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(fixed, evaluated)


def test_vectors_are_constants_for_the_gradient():
    layer = SpectralDense(4, use_bias=False)
    x = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    variables = drawn(layer.init, x)

    def loss(params):
        return (layer.apply({**variables, "params": params}, x) ** 2).sum()

    grad = jax.grad(loss)(variables["params"])["kernel"]
    w = np.asarray(variables["params"]["kernel"], np.float64)
    u = np.asarray(variables["spectral"]["u"], np.float64)
    sigma = np.linalg.norm(w @ u)
    outer = np.outer(w @ u / sigma, u)
    of_normalized = x.T @ (2 * x @ w / sigma)
    want = of_normalized / sigma - (of_normalized * w).sum() / sigma**2 * outer
    np.testing.assert_allclose(grad, want, rtol=1e-4, atol=1e-5)


def test_vectors_start_at_random_with_length_one():
    first, second = (
        SpectralDense(4).init(jax.random.key(i), jnp.ones((1, 3)))["spectral"]["u"]
        for i in range(2)
    )
    np.testing.assert_allclose(jnp.linalg.norm(first), 1, rtol=1e-6)
    assert not np.allclose(first, second)


def test_zero_kernel_stays_finite():
    layer = SpectralDense(2, kernel_init=jax.nn.initializers.zeros, epsilon=1e-6)
    x = jnp.ones((1, 3))
    y, variables = layer.init_with_output(jax.random.key(0), x)
    assert (y == 0).all()
    assert jnp.isfinite(advanced(layer, variables, x)["spectral"]["u"]).all()


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_types(dtype):
    with jax.enable_x64(True):
        layer = SpectralConv(2, 3, dtype=jnp.dtype(dtype))
        x = jax.ShapeDtypeStruct((1, 4, 4, 2), jnp.float32)
        y, variables = jax.eval_shape(layer.init_with_output, jax.random.key(0), x)
    wide = "float64" if dtype == "float64" else "float32"
    assert y.dtype == dtype
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(wide)}


def test_layers_of_a_network():
    conv, dense, embed = layers(True, True, 1e-6, dtype=jnp.bfloat16)
    made = conv(3, 1), dense(3), embed(2, 3)
    assert all(layer.update and layer.epsilon == 1e-6 for layer in made)
    assert all(layer.dtype == jnp.bfloat16 for layer in made)
    plain = layers(False, True, 1e-6, dtype=jnp.bfloat16)
    assert plain.conv(3, 1) == Conv(3, 1, dtype=jnp.bfloat16)
    assert plain.embed(2, 3) == Embed(2, 3, dtype=jnp.bfloat16)
