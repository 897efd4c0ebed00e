"""The numbers of a run do not depend on how many devices or processes share it."""

import dataclasses
import shutil
import socket

import jax
import numpy as np
import pytest
from command import TESTS, TINY, finish, metrics, reached, run, saved, start, wait_until

from resnet_jax import config as configs
from resnet_jax.parallel import compile_step, make_mesh, place, replicated
from resnet_jax.run import build_data, build_task

STEPS, SAVED = 40, 35
TRAIN = (
    *("train", TINY, f"--config.total_steps={STEPS}"),
    *("--config.run.eval_every=0", f"--config.run.save_every={SAVED}"),
)
TOLERANCES = {"float32": 1e-5, "float64": 1e-9}


def precision(dtype):
    wide = {"JAX_ENABLE_X64": "1"} if dtype == "float64" else {}
    return (*TRAIN, f"--config.model.dtype={dtype}"), wide


def assert_same(found, wanted, tolerance):
    """The same numbers of training are there, and agree."""
    names = [key for key in wanted if key[1].startswith("train/")]
    assert [key for key in found if key[1].startswith("train/")] == names
    a, b = (np.array([values[key] for key in names]) for values in (found, wanted))
    np.testing.assert_allclose(a, b, rtol=tolerance)


@pytest.fixture(scope="module")
def on_eight(tmp_path_factory):
    """dtype -> a run on eight devices, made when it is first asked for."""
    made = {}

    def get(dtype):
        if dtype not in made:
            made[dtype] = tmp_path_factory.mktemp(dtype)
            train, environment = precision(dtype)
            workdir = f"--workdir={made[dtype]}"
            run(*train, workdir, devices=8, environment=environment)
        return made[dtype]

    return get


ELASTIC = [("float32", 1), ("float64", 1), ("float64", 2), ("float64", 8)]
ELASTIC += [pytest.param("float32", n, marks=pytest.mark.full) for n in (2, 8)]


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "devices"), ELASTIC)
def test_a_run_of_eight_devices_goes_on_with_any_number(
    tmp_path, on_eight, dtype, devices
):
    workdir = tmp_path / "run"
    shutil.copytree(on_eight(dtype), workdir)
    shutil.rmtree(workdir / "checkpoints" / str(STEPS))
    train, environment = precision(dtype)
    out, _ = run(
        *train, f"--workdir={workdir}", devices=devices, environment=environment
    )
    assert f"resumed at step {SAVED} of {STEPS}" in out
    found, wanted = metrics(workdir), metrics(on_eight(dtype))
    assert_same(found, wanted, TOLERANCES[dtype])
    if devices == 8:
        assert found == wanted


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_two_processes_are_one_run_and_stop_together(tmp_path, on_eight):
    workdir = tmp_path / "run"
    # In float32 a rounding may flip the sign before a ReLU within forty steps.
    train, environment = precision("float64")
    train = (*train, f"--workdir={workdir}")
    cluster = (f"--coordinator=localhost:{free_port()}", "--num_processes=2")
    # Evaluations slow the run down: the cluster looks for a notice once a second.
    cluster = (*cluster, "--config.run.eval_every=2")
    children = [
        start(*train, *cluster, f"--process_id={i}", environment=environment)
        for i in range(2)
    ]
    wait_until(lambda: reached(workdir) >= 5, children[0])
    children[1].terminate()
    for child in children:
        _, err = finish(child, 75)
        [step] = saved(workdir)
        assert 5 <= step < SAVED
        assert err.endswith(f"preempted: stopped at step {step} of {STEPS}; saved.\n")
    out, _ = run(*train, environment=environment)
    assert f"resumed at step {step} of {STEPS}" in out
    wanted = metrics(on_eight("float64"))
    assert_same(metrics(workdir), wanted, TOLERANCES["float64"])


def five_steps(mode, dtype, mixup, group_size):
    """The scalars of five steps [5, names], and the weights after them."""
    config = configs.read(str(TESTS / "tiny.py"))
    config.task.mixup, config.model.stage_sizes = mixup, (1,)
    config.model.dtype, config.run.parallel = dtype, mode
    with config.ignore_type():
        config.model.norm.group_size = group_size
    config = configs.from_json(configs.to_json(config))
    data = build_data(config)
    task = build_task(config, data.spec)
    mesh, key = make_mesh(16), jax.random.key(1)
    assert mesh.size == 2
    state = jax.jit(task.init, out_shardings=replicated(mesh))(key, data.spec.batch(1))
    step = compile_step(task.train_step, mesh, mode)
    rows = []
    batches = data.train(0)
    for i in range(5):
        batch = place(next(batches), mesh, mode)
        state, scalars = step(state, batch, jax.random.fold_in(key, i))
        rows.append([float(scalars[name]) for name in sorted(scalars)])
    batches.close()
    leaves = jax.tree.leaves(dataclasses.replace(state, step=None))
    return np.array(rows), [np.asarray(x) for x in leaves]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    ("mixup", "group_size"),
    [(0.0, None), (0.4, None), (0.4, 8)],
    ids=["plain", "mixup", "groups"],
)
def test_pmap_does_what_jit_does(dtype, mixup, group_size):
    with jax.enable_x64(dtype == "float64"):
        rows, leaves = five_steps("jit", dtype, mixup, group_size)
        other_rows, other_leaves = five_steps("pmap", dtype, mixup, group_size)
    tolerance = TOLERANCES[dtype]
    np.testing.assert_allclose(other_rows, rows, rtol=tolerance)
    for a, b in zip(other_leaves, leaves, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * abs(b).max())
