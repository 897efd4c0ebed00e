"""A run that was stopped, however rudely, ends as one that never was."""

import random
import signal
import time

import jax
import numpy as np
import pytest
from command import (
    TINY,
    finish,
    leaves,
    metrics,
    reached,
    run,
    saved,
    start,
    tiny,
    train_here,
    wait_until,
)

from resnet_jax.preemption import Preempted

STEPS = 200
TRAIN = ("train", TINY, f"--config.total_steps={STEPS}")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The state and the metrics of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("unbroken")
    run(*TRAIN, f"--workdir={folder}")
    return leaves(folder), metrics(folder)


@pytest.mark.parametrize(
    "mode",
    ["jit", *(pytest.param(m, marks=pytest.mark.slow) for m in ("pmap", "fsdp"))],
)
def test_a_run_that_was_interrupted_ends_as_an_unbroken_one(tmp_path, mode):
    changes = {"total_steps": 6, "task.mixup": 0.0, "model.stage_sizes": (1,)}
    config = tiny({**changes, "run.parallel": mode, "run.keep": 1})
    whole = jax.tree.leaves(train_here(tmp_path / "whole", config))
    parts = tmp_path / "parts"
    for stop in (2, 3):
        with pytest.raises(Preempted, match=f"stopped at step {stop} of 6; saved."):
            train_here(parts, config, lambda step, stop=stop: step == stop)
    for a, b in zip(whole, jax.tree.leaves(train_here(parts, config)), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    assert metrics(parts) == metrics(tmp_path / "whole")


def test_a_run_ends_where_evaluations_get_no_better_however_often_it_stopped(tmp_path):
    """The number of examples never gets better than at the first evaluation."""
    changes = {
        "total_steps": 20,
        "patience": 2,
        "best": ("test/examples", "max"),
        "run.eval_every": 2,
        "run.save_every": 0,
        "task.mixup": 0.0,
        "task.ema_every": 2,
        "task.ema_warmup": True,
        "model.stage_sizes": (1,),
    }
    config = tiny(changes)
    whole = train_here(tmp_path / "whole", config)
    assert whole.step == 6 and saved(tmp_path / "whole") == [6]
    assert (
        "ended at step 6 of 20: 2 evaluations without a better test/examples"
        in (tmp_path / "whole" / "log.txt").read_text()
    )
    parts = tmp_path / "parts"
    for stop in (3, 4):
        with pytest.raises(Preempted, match=f"stopped at step {stop} of 20; saved."):
            train_here(parts, config, lambda step, stop=stop: step == stop)
    for again in range(2):
        found = train_here(parts, config)
        assert found.step == 6, again
        for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(found), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
    assert metrics(parts) == metrics(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_with_growing_images_and_repeats_goes_on_exactly(tmp_path, capsys):
    train = {
        "split": "train",
        "transforms": {"random_resized_crop": {"size": 8}, "rand_augment": {}},
        "repeats": 3,
        "progressive": {"sizes": (6, 8), "boundaries": (3,)},
    }
    changes = {"total_steps": 5, "task.mixup": 0.0, "model.stage_sizes": (1,)}
    config = tiny({**changes, "run.keep": 1})
    config["data"]["train"] = train
    whole = jax.tree.leaves(train_here(tmp_path / "whole", config))
    said = capsys.readouterr()
    assert "compiling train step for images of 8 pixels" in said.out + said.err
    for stop in (2, 3):  # before the images grow, and as they do
        with pytest.raises(Preempted):
            train_here(tmp_path / "parts", config, lambda step, s=stop: step == s)
    parts = jax.tree.leaves(train_here(tmp_path / "parts", config))
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("kills", [4, pytest.param(10, marks=pytest.mark.full)])
def test_a_killed_run_ends_as_an_unbroken_one(tmp_path, unbroken, kills):
    workdir = tmp_path / "run"
    checkpoints = workdir / "checkpoints"
    chance = random.Random(0)
    torn = 0
    for kill in range(kills):
        child = start(*TRAIN, f"--workdir={workdir}")
        target = (kill + chance.random()) * STEPS / (kills + 1)
        wait_until(lambda target=target: reached(workdir) > target, child)
        if kill % 2:
            wait_until(lambda: any(checkpoints.glob("*.orbax-checkpoint-tmp")), child)
        time.sleep(chance.uniform(0, 0.1))
        child.kill()
        finish(child, -signal.SIGKILL)
        torn += any(checkpoints.glob("*.orbax-checkpoint-tmp"))
        # What is lost: the steps since a save, and the save that was under way.
        assert max(saved(workdir), default=0) >= reached(workdir) - 10
    run(*TRAIN, f"--workdir={workdir}")
    assert torn >= kills // 4
    assert leaves(workdir) == unbroken[0]
    assert metrics(workdir) == unbroken[1]
    assert not any(checkpoints.glob("*.orbax-checkpoint-tmp"))


@pytest.mark.slow
def test_a_run_that_is_asked_to_stop_saves_at_once(tmp_path, unbroken):
    workdir = tmp_path / "run"
    train = (*TRAIN, f"--workdir={workdir}", "--config.run.save_every=0")
    moments = {  # what to wait for, further arguments, the last step that may be done
        "compiling": (lambda: (workdir / "inputs.png").exists(), 1),
        "evaluating": (lambda: reached(workdir) == 20, 20),
        "training": (lambda: reached(workdir) > 30, STEPS - 1),
    }
    for moment, (begun, latest) in moments.items():
        cold = ("--nocompilation_cache",) if moment == "compiling" else ()
        child = start(*train, *cold)
        wait_until(begun, child)
        before = reached(workdir)
        child.terminate()
        _, err = finish(child, 75)
        step = saved(workdir)[-1]
        assert err == f"preempted: stopped at step {step} of {STEPS}; saved.\n"
        assert before <= step <= latest and reached(workdir) == step
    run(*train)
    assert leaves(workdir) == unbroken[0]
    assert metrics(workdir) == unbroken[1]
