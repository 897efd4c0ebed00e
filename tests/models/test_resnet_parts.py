"""What a ResNet's fields change: on networks of a few channels."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.models.resnet import ResNet
from resnet_jax.nn.residual import ResidualBlock

KEY = jax.random.key(0)
tiny = partial(ResNet, stage_sizes=(1, 1), width=8, num_classes=5)
RANDOM = {"dropout": 0.2, "block_dropout": 0.2, "drop_path": 0.4, "drop_block": 0.2}
VARIANTS = {
    "se": {"attention": "se", "stem": "deep", "shortcut": "average"},
    "eca": {"attention": "eca", "stem": "deep_tiered", "stem_pool": "conv"},
    "blur": {"blur": "blur", "stem_pool": "conv", "block": "basic"},
    "avg": {"blur": "avg", "cardinality": 2, "base_width": 32},
    "senet": {"reduce_first": 2, "shortcut_kernel": 3, "norm": "layer"},
    "mixed": {"block": ("basic", "bottleneck"), "width": (8, 4), "output_stride": 4},
    "pruned": {"widths": (((3, 5, 7),), ((2, 4, 6),)), "attention": "eca"},
    "wide": {"block": "preact_basic", "width": (16, 32), "stem_width": 4, **RANDOM},
    "random": {"space_to_depth": True, "act": "silu", **RANDOM},
}


def images(batch=4, side=32):
    return np.random.default_rng(0).normal(size=(batch, side, side, 3)).astype("f4")


def drawn(model, x):
    """Variables without compiling the model's own initializers."""
    shapes, rng = jax.eval_shape(model.init, KEY, x), np.random.default_rng(1)

    def values(shape):
        return rng.normal(0.3 if len(shape) == 1 else 0, 0.2, shape).astype("f4")

    params = jax.tree.map(lambda leaf: values(leaf.shape), shapes["params"])
    stats = jax.tree.map(jnp.ones_like, shapes.get("batch_stats", {}))
    return {"params": params, "batch_stats": stats}


def train(model, variables, x):
    """The gradient of some function of the logits, and the new statistics."""

    def loss(params):
        given = {**variables, "params": params}
        rngs = {"dropout": jax.random.key(3)}
        logits, new = model.apply(given, x, True, mutable="batch_stats", rngs=rngs)
        return jnp.sum(jnp.sin(logits * jnp.arange(1, 6))), new

    return jax.jit(jax.grad(loss, has_aux=True))(variables["params"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_learns(variant):
    model, x = tiny(**VARIANTS[variant]), images()
    gradient, _ = train(model, drawn(model, x), x)
    for path, grad in jax.tree.leaves_with_path(gradient):
        assert np.isfinite(grad).all() and np.abs(grad).max() > 0, path


@pytest.mark.parametrize("variant", VARIANTS)
def test_features_are_as_announced(variant):
    model, x = tiny(**VARIANTS[variant]), images(1)
    features = partial(model.apply, method="features")
    variables = jax.eval_shape(model.init, KEY, x)
    outputs = jax.eval_shape(features, variables, x)
    assert [(y.shape[3], 32 // y.shape[1]) for y in outputs] == [
        (info["num_chs"], info["reduction"]) for info in model.feature_info
    ]


# timm does not dilate the mean of an average shortcut: it stays exact only where no
# stage before it was dilated.
@pytest.mark.parametrize(
    ("shortcut", "limits"), [("projection", (4, 8)), ("average", (8,))]
)
@pytest.mark.parametrize("block", ["basic", "bottleneck", "preact_bottleneck"])
def test_a_dilated_network_has_the_same_features_more_densely(block, shortcut, limits):
    sizes = {"stage_sizes": (1, 2, 2), "block": block, "shortcut": shortcut}
    model, x = tiny(**sizes, shortcut_kernel=3), images(1)
    variables = drawn(model, x)
    want = model.apply(variables, x, method="features")
    for limit in limits:
        dense = model.clone(output_stride=limit)
        got = dense.apply(variables, x, method="features")
        for y, z, info in zip(got, want, dense.feature_info, strict=True):
            step = y.shape[1] // z.shape[1]
            assert info["reduction"] == 32 // y.shape[1] <= max(limit, 4)
            np.testing.assert_allclose(y[:, ::step, ::step], z, atol=1e-4)


def test_only_training_drops():
    model, x = tiny(**RANDOM), images(2)
    variables = drawn(model, x)
    plain = tiny().apply(variables, x)
    np.testing.assert_array_equal(model.apply(variables, x), plain)

    def logits(key):
        rngs = {"dropout": jax.random.key(key)}
        return model.apply(variables, x, True, rngs=rngs, mutable="batch_stats")[0]

    np.testing.assert_array_equal(logits(1), logits(1))
    assert np.abs(logits(1) - logits(2)).max() > 1e-3


class Noting(ResidualBlock):
    """Puts down with what probability it is dropped."""

    note: Callable = float

    def __call__(self, x, train, drop_rate=0.0):
        self.note(drop_rate)
        return super().__call__(x, False)


def test_the_probability_to_drop_a_block_grows_linearly():
    seen = []
    block = partial(Noting, note=seen.append)
    model = tiny(stage_sizes=(1, 2, 2), block=block, drop_path=0.4, scan_blocks=False)
    jax.eval_shape(partial(model.init, train=True), KEY, images(1))
    np.testing.assert_allclose(seen, [0, 0.1, 0.2, 0.3, 0.4])


def test_drop_block_is_for_the_last_two_stages():
    plan = tiny(stage_sizes=(1, 1, 1, 2), drop_block=0.1).plan
    given = [[block.get("drop_block") for block in stage] for stage in plan]
    assert given[:2] == [[None], [None]]
    assert given[2][0].keywords == {"rate": 0.1, "size": 5, "scale": 0.25}
    assert [b.keywords["size"] for b in given[3]] == [3, 3]


@pytest.mark.parametrize("frozen", [-1, 0, 1, 2])
def test_frozen_stages_learn_nothing_and_keep_their_statistics(frozen):
    x = images()
    model = tiny(frozen_stages=frozen, block="basic", drop_path=0.3, block_dropout=0.2)
    variables = drawn(model, x)
    gradient, new = train(model, variables, x)
    for name, grads in gradient.items():
        stage = int(name[5]) if name.startswith("layer") else 0
        still = name != "fc" and stage <= frozen
        leaves = jax.tree.leaves(grads)
        assert all((np.abs(g).max() > 0) != still for g in leaves), name
        before, after = variables["batch_stats"].get(name), new["batch_stats"].get(name)
        if before is not None:
            pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
            assert all((a == b).all() == still for a, b in pairs), name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": (8, 0)}, "width of a ResNet is (8, 0); expected 1 or more"),
        ({"width": (8,)}, "width of a ResNet has 1 values for 2 stages"),
        ({"block": ("basic",) * 3}, "block of a ResNet has 3 values for 2 stages"),
        ({"widths": ((), ())}, "a pruned network keeps its stage_sizes"),
        ({"blur": "blurr"}, "Did you mean blur?"),
        ({"stem_pool": "mean"}, "unknown stem_pool 'mean'"),
        ({"attention": "sse"}, "unknown attention 'sse'. Did you mean se?"),
        (
            {"space_to_depth": True, "stem": "cifar"},
            "needs a strided stem, not 'cifar'",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(ValueError) as error:
        tiny(**fields)
    assert message in str(error.value)
