import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from resnet_jax.muon import Group, muon, orthogonal_momentum, orthogonalize
from resnet_jax.optim import create_optimizer

SCHEDULE = {"name": "constant", "base": 0.1}


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (8, 8)])
def test_singular_values_come_close_to_one_and_vectors_stay(shape):
    matrix = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    result = np.asarray(orthogonalize(jnp.asarray(matrix), 5))
    singular = u.T @ result @ v.T
    np.testing.assert_allclose(singular, np.diag(np.diag(singular)), atol=1e-4)
    values = np.diag(singular)
    if shape != (8, 8):  # which has a singular value near zero
        assert (values > 0.6).all()
    assert (values < 1.3).all()


def test_one_iteration_is_the_polynomial_of_each_singular_value():
    matrix = jnp.diag(jnp.array([3.0, 4.0]))
    s = np.array([0.6, 0.8])  # over the Frobenius norm, 5
    wanted = 2 * s - 1.5 * s**3 + 0.5 * s**5
    result = orthogonalize(matrix, 1, (2.0, -1.5, 0.5))
    np.testing.assert_allclose(result, np.diag(wanted), atol=1e-6)


def test_momentum_looks_ahead_by_hand():
    tx = orthogonal_momentum(0.5, True, 1, (1.0, 0.0, 0.0))  # division by the norm only
    grads = [jnp.array([[3.0, 0.0]]), jnp.array([[0.0, 4.0]])]
    state = tx.init(grads[0])
    first, state = tx.update(grads[0], state)
    np.testing.assert_allclose(first, [[1.0, 0.0]], atol=1e-6)
    second, state = tx.update(grads[1], state)
    # The sum is (1.5, 4); half of it on the gradient (0, 4) is (0.75, 6).
    np.testing.assert_allclose(state.momentum, [[1.5, 4.0]], atol=1e-6)
    norm = np.hypot(0.75, 6)
    np.testing.assert_allclose(second, [[0.75 / norm, 6 / norm]], atol=1e-6)


def test_a_kernel_is_a_matrix_of_outputs_by_everything_else():
    grads = np.random.default_rng(0).standard_normal((3, 3, 4, 6)).astype(np.float32)
    tx = orthogonal_momentum(0.0, False, 5)
    update, _ = tx.update(jnp.asarray(grads), tx.init(jnp.asarray(grads)))
    wanted = orthogonalize(jnp.asarray(grads.reshape(36, 6).T), 5)
    np.testing.assert_allclose(np.asarray(update).reshape(36, 6).T, wanted, atol=1e-5)


def test_kernels_are_renormalized_before_the_step():
    params = {"conv": {"kernel": jnp.full((2, 2, 1, 4), 3.0)}}
    grads = jax.tree.map(jnp.zeros_like, params)
    optimizer = create_optimizer(
        {"name": "muon", "renormalize": True, "schedule": SCHEDULE}, 10
    )
    updates, _ = optimizer.tx.update(grads, optimizer.tx.init(params), params)
    kernel = optax.apply_updates(params, updates)["conv"]["kernel"]
    np.testing.assert_allclose(kernel, 0.5, atol=1e-6)  # norm sqrt(4) over 16 numbers


def test_groups_take_their_params_and_muon_the_rest():
    params = {
        "whiten": {"bias": jnp.zeros(2)},
        "conv": {"kernel": jnp.ones((1, 1, 2, 2)), "bias": jnp.ones(2)},
        "fc": {"kernel": jnp.ones((2, 2))},
    }
    grads = jax.tree.map(jnp.ones_like, params)
    sgd = {"optimizer": "sgd", "momentum": 0.0}
    groups = (
        {"match": ("whiten/bias",), "rate": 0.8, "steps": 2, **sgd},
        {"match": ("*/bias",), "ratio": 2.0, "weight_decay": 0.5, **sgd},
        {"match": ("fc/*",), "ratio": 3.0, **sgd},
    )
    section = {"name": "muon", "groups": groups, "schedule": SCHEDULE}
    optimizer = create_optimizer(section, 10)
    state, found = optimizer.tx.init(params), []
    for step in range(3):
        state = optax.tree.set(state, **optimizer.hyper(step))
        updates, state = optimizer.tx.update(grads, state, params)
        found.append(updates)
    biases = [float(u["whiten"]["bias"][0]) for u in found]
    np.testing.assert_allclose(biases, [-0.8, -0.4, 0.0], atol=1e-6)
    np.testing.assert_allclose(found[0]["conv"]["bias"], -0.1 * 2 * 1.5, rtol=1e-6)
    np.testing.assert_allclose(found[0]["fc"]["kernel"], -0.3, rtol=1e-6)
    wanted = -0.1 * orthogonalize(jnp.ones((2, 2)), 5)
    np.testing.assert_allclose(found[0]["conv"]["kernel"][0, 0], wanted, atol=1e-6)


def test_by_default_heads_and_vectors_go_to_adam():
    params = {
        "conv1": {"kernel": jnp.ones((1, 1, 2, 2))},
        "bn1": {"scale": jnp.ones(2), "bias": jnp.ones(2)},
        "fc": {"kernel": jnp.ones((2, 2))},
    }
    grads = jax.tree.map(jnp.ones_like, params)
    tx = muon(0.1)
    updates, _ = tx.update(grads, tx.init(params), params)
    for update in (*updates["bn1"].values(), updates["fc"]["kernel"]):
        np.testing.assert_allclose(update, -0.1 * 0.05, rtol=1e-4)
    assert float(jnp.abs(updates["conv1"]["kernel"]).max()) > 0.01


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"iterations": 0}, "expected 1 or more"),
        ({"groups": ({"match": ("*",), "ration": 1.0},)}, "Did you mean ratio"),
        ({"groups": ({"match": ("*",), "optimizer": "lamb"},)}, "'sgd' or 'adam'"),
        ({"groups": ()}, "'bias' is a vector; name it"),
        ({"dtype": "float3"}, "unknown dtype 'float3'. Did you mean float32"),
    ],
)
def test_mistakes_are_told(fields, message):
    with pytest.raises(ValueError, match=message):
        muon(0.1, **fields).init({"bias": jnp.ones(2)})


@pytest.mark.parametrize("dtype", ["none", "bfloat16"])
def test_a_dtype_by_its_name(dtype):
    kernel = {"kernel": jnp.array([[3.0, 1.0], [0.5, 2.0]])}
    found, wanted = (
        tx.update(kernel, tx.init(kernel), kernel)[0]["kernel"]
        for tx in (muon(0.1, groups=(), dtype=dtype), muon(0.1, groups=()))
    )
    assert found.dtype == jnp.float32
    assert (found == wanted).all() == (dtype == "none")


def test_a_rate_of_its_own_needs_steps():
    with pytest.raises(ValueError, match="give both above 0, or neither"):
        Group(("*",), rate=0.1)
