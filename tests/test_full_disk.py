"""A save that fails, and numbers that are none: the last good checkpoint stays."""

import contextlib
import dataclasses
import os
import re
import resource
import shutil
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import (
    TINY,
    finish,
    leaves,
    metrics,
    reached,
    rows,
    run,
    saved,
    start,
    tiny,
    train_here,
    wait_until,
)

from resnet_jax.checkpoint import Checkpoints, SaveError
from resnet_jax.parallel import make_mesh, replicated
from resnet_jax.preemption import Preempted
from resnet_jax.run import build_data, load
from resnet_jax.state import TrainState
from resnet_jax.window import NonFiniteError

FAILED = 3
SAID = re.compile(r"WARNING: checkpoint (\d+) could not be written to .*untouched.\n")
# Root writes to read-only folders unless it gives up the right to.
HUMBLE = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()


def state_at(step):
    noise = jax.random.normal(jax.random.key(step), (100, 100))
    return TrainState(jnp.int32(step), {}, noise)


@pytest.fixture
def full_disk():
    """A function: files of this process, or another, cannot grow any more, or can."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(full, process=0):
        limits = (4096, before[1]) if full else before
        resource.prlimit(process, resource.RLIMIT_FSIZE, limits)

    yield limit
    limit(False)


def test_a_failed_save_is_told_and_the_next_one_succeeds(tmp_path, full_disk):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(state_at(1), {})
    checkpoints.wait()
    full_disk(True)
    checkpoints.save(state_at(2), {})
    sentence = (
        r"checkpoint 2 could not be written to .*/checkpoints \(.*too large\); what"
    )
    with pytest.raises(SaveError, match=sentence):
        checkpoints.save(state_at(3), {})
    with pytest.raises(SaveError, match="checkpoint 3"):
        checkpoints.wait()
    full_disk(False)
    assert checkpoints.steps() == [1]
    like = jax.eval_shape(lambda: state_at(0))
    restored = checkpoints.restore(1, like, replicated(make_mesh(1)))
    np.testing.assert_array_equal(restored.memory, state_at(1).memory)
    checkpoints.save(state_at(4), {})
    checkpoints.wait()
    assert [path.name for path in checkpoints.folder.iterdir()] == ["4"]
    checkpoints.close()


def test_a_save_that_cannot_begin_is_told_at_once_and_at_the_end(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    shutil.rmtree(checkpoints.folder)
    checkpoints.folder.write_text("not a folder")
    for attempt in (lambda: checkpoints.save(state_at(1), {}), checkpoints.wait):
        with pytest.raises(SaveError, match="checkpoint 1 could not be written to"):
            attempt()
    checkpoints.close()


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_run_outlives_a_disk_in_trouble(tmp_path, full_disk, trouble):
    if trouble == "read-only" and HUMBLE and not shutil.which("setpriv"):
        pytest.skip("this is root, and there is no setpriv to give up its rights")
    workdir = tmp_path / "run"
    checkpoints = workdir / "checkpoints"
    train = ("train", TINY, "--config.total_steps=9000", f"--workdir={workdir}")
    child = start(*train, before=HUMBLE)

    def make_trouble(begin):
        if trouble == "full":
            full_disk(begin, child.pid)
        else:
            checkpoints.chmod(0o500 if begin else 0o700)

    wait_until(lambda: reached(workdir) > 20, child)
    make_trouble(True)
    good, warning = saved(workdir), next(filter(SAID.fullmatch, child.stdout))
    failed = int(SAID.fullmatch(warning)[1])
    assert set(saved(workdir)) <= set(good) and failed not in good
    make_trouble(False)
    wait_until(lambda: max(saved(workdir)) > failed, child)
    make_trouble(True)
    next(filter(SAID.fullmatch, child.stdout))
    child.terminate()
    _, err = finish(child, FAILED)
    assert re.fullmatch(r"error: checkpoint \d+ could not be written to .*\n", err)
    checkpoints.chmod(0o700)
    assert metrics(workdir) and leaves(workdir)
    # Numbers that could not be written at the time were not lost.
    steps = [row["step"] for row in rows(workdir) if "train/loss" in row]
    assert steps[: failed + 5] == list(range(1, failed + 6))


@pytest.mark.slow
def test_numbers_that_are_none_end_a_run_and_are_never_saved(tmp_path):
    workdir = tmp_path / "run"
    train = (
        *("train", TINY, f"--workdir={workdir}", "--config.total_steps=9"),
        *("--config.optim.schedule.base=1e38", "--config.run.save_every=2"),
    )
    _, err = run(*train, expected=FAILED)
    assert re.match(r"error: \w+ is (nan|inf) at step 3\. Lower the learning rate", err)
    assert err.count("\n") == 1 and saved(workdir) == [2]
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(load(workdir).state))
    out, err = run(*train, "--config.run.on_nonfinite=rollback", expected=FAILED)
    attempts = re.findall(r"WARNING: .* at step 3.*\(attempt (\d) of 3\)\.\n", out)
    assert attempts == ["1", "2", "3"] and err.count("\n") == 1
    assert saved(workdir) == [2]


@dataclasses.dataclass(frozen=True)
class Unlucky:
    """A task whose loss is no number at one step, with one batch."""

    task: Any
    step: int
    index: int

    def __getattr__(self, name):
        return getattr(self.task, name)

    def train_step(self, state, batch, key):
        here = (state.step + 1 == self.step) & (batch["index"][0] == self.index)
        state, scalars = self.task.train_step(state, batch, key)
        return state, {**scalars, "loss": jnp.where(here, jnp.nan, scalars["loss"])}


@pytest.mark.slow
def test_a_rollback_goes_on_with_other_data_also_after_a_restart(tmp_path):
    changes = {"total_steps": 8, "task.mixup": 0.0, "model.stage_sizes": (1,)}
    config = tiny({**changes, "run.save_every": 2, "run.on_nonfinite": "rollback"})
    with contextlib.closing(build_data(config).train(4)) as batches:
        index = next(batches)["index"][0]

    def unlucky(task):
        return Unlucky(task, 5, index)

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    state = train_here(whole, config, wrap=unlucky)
    log = (whole / "log.txt").read_text()
    assert log.count("Back at step 4, going on with other data (attempt 1 of 3)") == 1
    with pytest.raises(Preempted, match="stopped at step 7 of 8"):
        train_here(parts, config, lambda step: step == 7, unlucky)
    again = train_here(parts, config, wrap=unlucky)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    assert metrics(parts) == metrics(whole)
    with pytest.raises(NonFiniteError, match="loss is nan at step 5"):
        train_here(
            tmp_path / "stop", tiny({**changes, "run.save_every": 2}), wrap=unlucky
        )
