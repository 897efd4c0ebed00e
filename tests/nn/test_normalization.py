import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from resnet_jax.nn.normalization import (
    NORMS,
    BatchNorm,
    EvoNorm,
    FilterResponseNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    is_local,
    normalization,
)

SHAPE = (8, 3, 2, 4)


def images(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).normal(1.0, 2.0, shape)


def grouped_reference(x, group_size, momentum, epsilon):
    """Each group alone, with PyTorch's running averages from mean 0 and variance 1."""
    groups = len(x) // group_size
    y, means, variances = np.empty_like(x), [], []
    for g in range(groups):
        rows = x[g::groups]
        mean, var = rows.mean((0, 1, 2)), rows.var((0, 1, 2))
        y[g::groups] = (rows - mean) / np.sqrt(var + epsilon)
        means.append(mean)
        variances.append(rows.var((0, 1, 2), ddof=1))
    kept = momentum * np.ones(x.shape[-1])
    fresh = 1 - momentum
    return y, fresh * np.mean(means, 0), kept + fresh * np.mean(variances, 0)


@pytest.mark.parametrize("group_size", [None, 1, 2, 4, 8])
def test_batch_norm_by_hand(group_size):
    with jax.enable_x64(True):
        x = images()
        norm = BatchNorm(group_size=group_size, momentum=0.7, epsilon=1e-3)
        variables = norm.init(jax.random.key(0), x, False)
        y, new = norm.apply(variables, x, True, mutable="batch_stats")
    want, mean, var = grouped_reference(x, group_size or 8, 0.7, 1e-3)
    np.testing.assert_allclose(y, want, atol=1e-9)
    np.testing.assert_allclose(new["batch_stats"]["mean"], mean, atol=1e-9)
    np.testing.assert_allclose(new["batch_stats"]["var"], var, atol=1e-9)


def test_scale_bias_and_running_averages():
    x = images().astype(np.float32)
    stats = {"mean": np.arange(4.0, dtype=np.float32), "var": np.full(4, 3.0, "f4")}
    params = {"scale": np.full(4, 2.0, "f4"), "bias": np.arange(4.0, dtype=np.float32)}
    y = BatchNorm().apply({"params": params, "batch_stats": stats}, x, False)
    want = 2 * (x - stats["mean"]) / np.sqrt(3 + 1e-5) + params["bias"]
    np.testing.assert_allclose(y, want, rtol=1e-5, atol=1e-5)


def test_batch_norm_without_positions():
    x = images((8, 4)).astype(np.float32)
    variables = BatchNorm().init(jax.random.key(0), x, True)
    y, _ = BatchNorm().apply(variables, x, True, mutable="batch_stats")
    np.testing.assert_allclose(y, (x - x.mean(0)) / x.std(0), atol=1e-4)


def test_groups_equal_separate_batches():
    x = images().astype(np.float32)
    norm = BatchNorm(group_size=4)
    variables = norm.init(jax.random.key(0), x, False)
    together, _ = norm.apply(variables, x, True, mutable="batch_stats")
    for g in range(2):
        alone, _ = norm.apply(variables, x[g::2], True, mutable="batch_stats")
        np.testing.assert_allclose(together[g::2], alone, atol=1e-5)


def test_far_from_zero_the_variance_does_not_cancel():
    x = images().astype(np.float32) + 3000
    stats = {"mean": np.full(4, 3000, "f4"), "var": np.ones(4, "f4")}
    norm = BatchNorm(use_scale=False, use_bias=False)
    y, _ = norm.apply({"batch_stats": stats}, x, True, mutable="batch_stats")
    np.testing.assert_allclose(np.std(y, (0, 1, 2)), 1, atol=1e-3)


def test_initializing_leaves_the_statistics_alone():
    x = images((1, 1, 1, 4)).astype(np.float32)
    stats = BatchNorm(group_size=32).init(jax.random.key(0), x, True)["batch_stats"]
    assert not stats["mean"].any() and (stats["var"] == 1).all()


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
def test_every_norm_keeps_float32_within(name, dtype):
    grouped = name in ("group", "evo")
    section = {"name": name, "num_groups": 2} if grouped else name
    norm = normalization(section, dtype=dtype)(scale_init=jax.nn.initializers.ones)
    x = jnp.asarray(images(), jnp.bfloat16)
    variables = norm.init(jax.random.key(0), x, False)
    y, new = norm.apply(variables, x, True, mutable="batch_stats")
    assert y.dtype == jnp.bfloat16 and y.shape == x.shape
    leaves = jax.tree.leaves((variables, new))
    assert all(leaf.dtype == jnp.float32 for leaf in leaves)


@pytest.mark.parametrize("norm", [GroupNorm(num_groups=2), LayerNorm()])
def test_group_and_layer_norm_by_hand(norm):
    with jax.enable_x64(True):
        x = images((2, 3, 2, 6))
        y = norm.apply(norm.init(jax.random.key(0), x, True), x, True)
    if isinstance(norm, GroupNorm):
        parts = x.reshape(2, 6, 2, 3).transpose(0, 2, 1, 3).reshape(2, 2, 18)
        mean, var = (
            np.repeat(m, 3, 1)[:, None, None] for m in (parts.mean(-1), parts.var(-1))
        )
    else:
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(var + norm.epsilon), atol=1e-9)


def test_instance_norm_by_hand():
    with jax.enable_x64(True):
        x = images((2, 3, 2, 4))
        y = InstanceNorm().apply({}, x, True)
        named = normalization({"name": "instance", "use_scale": True})()
        scaled = named.apply({"params": {"scale": np.arange(4.0)}}, x, False)
    mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    want = (x - mean) / np.sqrt(var + 1e-5)
    np.testing.assert_allclose(y, want, atol=1e-9)
    np.testing.assert_allclose(scaled, np.arange(4) * want, atol=1e-9)


def test_norms_that_treat_every_place_by_itself():
    assert [name for name in NORMS if is_local(name)] == ["batch", "layer", "none"]
    assert is_local({"name": "batch", "group_size": 4}) and is_local(LayerNorm)
    assert not is_local(partial(GroupNorm, num_groups=1))


def drawn(norm, x):
    """Variables that are neither ones nor zeros."""
    shapes = jax.eval_shape(norm.init, jax.random.key(0), x, False)["params"]
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=leaf.shape) for name, leaf in shapes.items()}


def test_norms_that_activate_by_hand():
    x, evo, frn = images((2, 3, 2, 4)), EvoNorm(num_groups=2), FilterResponseNorm()
    with jax.enable_x64(True):
        p, q = drawn(evo, x), drawn(frn, x)
        got = [evo.apply({"params": p}, x, True), frn.apply({"params": q}, x, True)]
    var = np.repeat(x.reshape(2, 6, 2, 2).var((1, 3)), 2, 1)[:, None, None]
    y = x / (1 + np.exp(-p["v"] * x)) / np.sqrt(var + 1e-5)
    z = q["scale"] * x / np.sqrt((x**2).mean((1, 2), keepdims=True) + 1e-5) + q["bias"]
    np.testing.assert_allclose(got[0], p["scale"] * y + p["bias"], atol=1e-9)
    np.testing.assert_allclose(got[1], np.maximum(z, q["tau"]), atol=1e-9)


def sharded(x):
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    return jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))


@pytest.mark.parametrize("group_size", [None, 2, 4])
def test_sharded_batches_stay_where_they_are(group_size):
    x = images((8, 6, 6, 4)).astype(np.float32)
    norm = BatchNorm(group_size=group_size)
    variables = norm.init(jax.random.key(0), x, False)

    def loss(params, x):
        net = {**variables, "params": params}
        y, new = norm.apply(net, x, True, mutable="batch_stats")
        return jnp.sum(jnp.sin(y)), (y, new)

    step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
    split = sharded(x)
    hlo = step.lower(variables["params"], split).compile().as_text()
    assert "all-reduce" in hlo and "all-gather" not in hlo
    one, two = step(variables["params"], x), step(variables["params"], split)
    jax.tree.map(partial(np.testing.assert_allclose, atol=2e-5, rtol=2e-5), one, two)
    assert two[0][1][0].sharding.is_equivalent_to(split.sharding, 4)


@pytest.mark.parametrize("group_size", [None, 8, 4])
def test_pmap_with_strided_rows_equals_jit(group_size):
    x = images().astype(np.float32)
    variables = BatchNorm().init(jax.random.key(0), x, False)

    def apply(x, axis_name=None):
        norm = BatchNorm(group_size=group_size, axis_name=axis_name)
        return norm.apply(variables, x, True, mutable="batch_stats")

    y, new = jax.jit(apply)(x)
    dealt = x.reshape(4, 2, *x.shape[1:]).swapaxes(0, 1)
    parts, copies = jax.pmap(partial(apply, axis_name="data"), axis_name="data")(dealt)
    parts = np.swapaxes(parts, 0, 1).reshape(x.shape)
    np.testing.assert_allclose(parts, y, atol=1e-5)
    for d in range(2):
        copy = jax.tree.map(lambda leaf, d=d: leaf[d], copies)
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-6), copy, new)


def test_other_groups_are_refused_under_pmap():
    x = images().astype(np.float32).reshape(2, 4, 3, 2, 4)
    norm = BatchNorm(group_size=2, axis_name="data")
    variables = norm.init(jax.random.key(0), x[0], False)
    apply = partial(norm.apply, variables, train=True, mutable="batch_stats")
    with pytest.raises(ValueError, match=r"group_size 2 .* 2 devices of 4 examples"):
        jax.pmap(apply, axis_name="data")(x)


@pytest.mark.parametrize(
    ("norm", "shape", "message"),
    [
        (BatchNorm(group_size=3), SHAPE, "group_size 3 of batch norm does not divide"),
        (BatchNorm(group_size=0), SHAPE, "group_size 0"),
        (BatchNorm(group_size=16), SHAPE, "group_size 16"),
        (BatchNorm(), (1, 1, 1, 4), "one value per channel"),
        (BatchNorm(group_size=1), (2, 1, 1, 4), "one value per channel"),
        (GroupNorm(), SHAPE, "cannot split 4 channels into 32"),
        (EvoNorm(), SHAPE, "cannot split 4 channels into 32"),
        (InstanceNorm(), (2, 1, 1, 4), "instance norm got one value per channel"),
    ],
)
def test_impossible_groups_are_refused(norm, shape, message):
    x = images(shape).astype(np.float32)
    variables = {"params": {"scale": np.ones(4), "bias": np.zeros(4), "v": np.ones(4)}}
    variables["batch_stats"] = {"mean": np.zeros(4), "var": np.ones(4)}
    with pytest.raises(ValueError, match=message):
        norm.apply(variables, x, True, mutable="batch_stats")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("bach", "unknown norm 'bach'. Did you mean batch?"),
        ({"name": "batch", "groupsize": 4}, "Did you mean group_size"),
        ({"group_size": 4}, "needs a name"),
        (None, "norm is None: give a name"),
    ],
)
def test_wrong_sections_are_refused_at_once(section, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        normalization(section)


def test_sections_fill_in_the_fields():
    norm = normalization({"name": "batch", "group_size": 4}, axis_name="data")()
    assert (norm.group_size, norm.axis_name) == (4, "data")
    assert normalization(LayerNorm) is LayerNorm
