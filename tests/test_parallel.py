"""Placement on two simulated devices; the same draws under jit and pmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.parallel import (
    AXIS,
    compile_step,
    fetch,
    make_mesh,
    place,
    replicated,
    rows,
    start,
    whole,
)


@pytest.mark.parametrize(("batch_size", "devices"), [(8, 2), (6, 2), (7, 1), (1, 1)])
def test_the_mesh_takes_the_devices_that_divide_the_batch(batch_size, devices):
    assert make_mesh(batch_size).size == min(devices, jax.device_count())


def test_several_processes_must_divide_the_batch(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match="batch_size 7 is not divisible by the 2 dev"):
        make_mesh(7)


@pytest.mark.parametrize(("fsdp", "shape"), [(0, (1, 2)), (2, (1, 2)), (1, (2, 1))])
def test_weights_are_split_over_groups_of_neighbors(fsdp, shape):
    mesh = make_mesh(8, "fsdp", fsdp)
    assert tuple(mesh.shape.items()) == (("data", shape[0]), ("fsdp", shape[1]))
    assert list(mesh.devices.flat) == list(make_mesh(8).devices.flat)
    # Both axes share a batch.
    assert [
        x.data.shape for x in place({"x": np.arange(8)}, mesh)["x"].addressable_shards
    ] == [(4,)] * 2


def test_groups_must_divide_the_devices():
    with pytest.raises(ValueError, match=r"run\.fsdp is 3 and 2 devices share a batch"):
        make_mesh(8, "fsdp", 3)


def test_placed_batches_keep_their_order_or_are_dealt_out():
    mesh, x = make_mesh(6), np.arange(6)
    np.testing.assert_array_equal(place({"x": x}, mesh)["x"], x)
    dealt = place({"x": x}, mesh, "pmap")["x"]
    np.testing.assert_array_equal(dealt, [[0, 2, 4], [1, 3, 5]])
    assert len(dealt.sharding.device_set) == 2


def test_rows_and_whole_undo_each_other_on_dealt_batches():
    mesh, x = make_mesh(6), np.arange(6.0)

    def see(x):
        mine = rows(jnp.arange(6.0) * 10, AXIS)
        return mine, whole(x, AXIS), whole(mine, AXIS)

    dealt = place({"x": x}, mesh, "pmap")["x"]
    mine, gathered, back = jax.pmap(see, AXIS)(dealt)
    np.testing.assert_array_equal(mine, 10 * np.asarray(dealt))
    for device in range(2):
        np.testing.assert_array_equal(gathered[device], x)
        np.testing.assert_array_equal(back[device], 10 * x)
    np.testing.assert_array_equal(rows(x, None), x)
    np.testing.assert_array_equal(whole(x, None), x)


@pytest.mark.parametrize("mode", ["jit", "pmap"])
def test_both_modes_keep_the_state_as_the_same_arrays_and_donate_it(mode):
    mesh = make_mesh(4)
    axis = AXIS if mode == "pmap" else None

    def step(state, batch, key):
        mean = whole(batch["x"], axis).mean()
        return {"w": state["w"] + mean}, {"mean": mean}

    state = jax.device_put({"w": jnp.zeros(3)}, replicated(mesh))
    batch = place({"x": np.arange(4.0)}, mesh, mode)
    run = compile_step(step, mesh, mode)
    run = run.lower(state, batch, jax.random.key(0)).compile()
    new, scalars = run(state, batch, jax.random.key(0))
    assert state["w"].is_deleted()
    assert new["w"].sharding.is_fully_replicated and new["w"].shape == (3,)
    newer, _ = run(new, batch, jax.random.key(0))
    np.testing.assert_allclose(newer["w"], 3.0)
    assert fetch(scalars)["mean"] == 1.5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"distributed": "yes"}, "--distributed is 'yes'"),
        ({"coordinator": "localhost:1"}, "needs --num_processes and --process_id"),
        (
            {"coordinator": "localhost:1", "num_processes": 2, "process_id": 2},
            "from 0 to num_processes - 1",
        ),
    ],
)
def test_a_cluster_that_contradicts_itself_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        start(**arguments)


def test_alone_nothing_is_joined(monkeypatch):
    monkeypatch.setattr(jax.distributed, "initialize", pytest.fail)
    start("off")
    start("auto")
