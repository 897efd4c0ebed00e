"""Looped blocks compute what separate ones do, and their weights go both ways."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.models import create_model
from resnet_jax.nn.repeat import stack_blocks, unstack_blocks

SMALL = {"stage_sizes": (4, 3), "width": 4, "num_classes": 3}
STAGES = ("layer1", "layer2")
IMAGES = jnp.linspace(-1, 1, 2 * 8 * 8 * 3).reshape(2, 8, 8, 3) ** 3


def gradient(model, variables, train=True):
    """Loss, gradient and new statistics of one step."""

    def loss(params):
        logits, new = model.apply(
            {**variables, "params": params}, IMAGES, train, mutable="batch_stats"
        )
        return jnp.square(logits).sum(), new

    return jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"])


@pytest.mark.parametrize("name", ["resnet20", "preact_resnet164"])
@pytest.mark.parametrize("remat", [False, True])
def test_scanned_equals_separate(name, remat):
    separate = create_model(name, **SMALL)
    scanned = separate.clone(scan_blocks=True, remat=remat)
    variables = separate.init(jax.random.key(0), IMAGES)
    stacked = stack_blocks(variables, STAGES)
    (loss, new), grads = gradient(scanned, stacked)
    (wanted_loss, wanted_new), wanted_grads = gradient(separate, variables)
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    close(loss, wanted_loss)
    largest = max(float(jnp.abs(g).max()) for g in jax.tree.leaves(wanted_grads))
    got = unstack_blocks({"params": grads, **new})
    jax.tree.map(close, got["batch_stats"], wanted_new["batch_stats"])
    scale = partial(jax.tree.map, lambda g: g / largest)
    jax.tree.map(close, scale(got["params"]), scale(wanted_grads))


def test_structure_is_that_of_stacked_variables():
    separate = create_model("resnet20", **SMALL)
    scanned = separate.clone(scan_blocks=True)
    shapes = [
        jax.eval_shape(model.init, jax.random.key(0), IMAGES)
        for model in (separate, scanned)
    ]
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes[0])
    stacked = stack_blocks(zeros, STAGES)
    assert jax.tree.map(np.shape, stacked) == jax.tree.map(np.shape, shapes[1])
    assert stacked["params"]["layer1_rest"]["conv1"]["kernel"].shape == (3, 3, 3, 4, 4)


def test_blocks_are_drawn_apart():
    model = create_model("resnet20", **SMALL, scan_blocks=True)
    kernel = model.init(jax.random.key(0), IMAGES)["params"]["layer1_rest"]["conv1"]
    assert float(kernel["kernel"].std(0).min()) > 0


def test_stacking_and_unstacking_are_inverse():
    model = create_model("resnet20", **SMALL)
    variables = model.init(jax.random.key(0), IMAGES)
    back = unstack_blocks(stack_blocks(variables, STAGES))
    assert jax.tree.structure(back) == jax.tree.structure(variables)
    assert jax.tree.all(jax.tree.map(np.array_equal, back, variables))


def test_remat_alone_changes_nothing():
    model = create_model("resnet20", **SMALL)
    variables = model.init(jax.random.key(0), IMAGES)
    results = [gradient(model.clone(remat=r), variables) for r in (False, True)]
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-4), *results)


def test_drop_path_rates_reach_their_blocks():
    model = create_model("resnet20", **SMALL, scan_blocks=True, drop_path=0.5)
    variables = model.init(jax.random.key(0), IMAGES)
    apply = jax.jit(
        lambda key: model.apply(
            variables, IMAGES, True, mutable="batch_stats", rngs={"dropout": key}
        )[0]
    )
    first, again, other = map(apply, map(jax.random.key, (1, 1, 2)))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    ("name", "fields", "scanned"),
    [
        ("resnet1202", {}, (0, 1, 2)),
        ("preact_resnet1001", {}, (0, 1, 2)),
        ("resnet110", {}, ()),
        ("resnet152", {}, ()),
        ("resnet1202", {"scan_blocks": False}, ()),
        ("resnet50", {"scan_blocks": True}, (0, 1, 2, 3)),
    ],
)
def test_chosen_by_depth(name, fields, scanned):
    assert create_model(name, **fields).scanned == scanned


def test_unequal_blocks_are_refused():
    with pytest.raises(ValueError, match="scan_blocks=False"):
        create_model("resnet50", scan_blocks=True, drop_block=0.1)
