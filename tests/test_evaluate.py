"""Every example exactly once, whatever the batch size."""

import dataclasses

import jax
import numpy as np
import pytest

from resnet_jax.data import Data
from resnet_jax.evaluate import Evaluator
from resnet_jax.report import strip
from resnet_jax.tasks import create_task

SECTION = {
    "source": {"name": "digits"},
    "train": {"split": "train"},
    "evals": {"test": {"split": "test"}, "seen": {"split": "train"}},
}


def evaluator(batch_size):
    data = Data(SECTION, batch_size=batch_size, seed=0)
    task = create_task(
        "classification",
        spec=data.spec,
        total_steps=10,
        batch_size=8,
        model={"name": "resnet20", "width": 4, "stage_sizes": (1,)},
        optim={"name": "sgd", "schedule": {"name": "constant", "base": 0.1}},
    )
    state = task.init(jax.random.key(0), data.spec.batch(1))
    return Evaluator(task, data, batch_size, jax.random.key(1)), task, state


@pytest.fixture(scope="module")
def whole():
    run, task, state = evaluator(360)
    return task.summarize(run(state))


@pytest.mark.parametrize("batch_size", [100, 7])
def test_padding_changes_nothing(whole, batch_size):
    run, task, state = evaluator(batch_size)
    metrics = task.summarize(run(state, ("test",)))
    assert metrics["test/examples"] == 360
    assert metrics["test/accuracy"] == whole["test/accuracy"]
    assert metrics["test/loss"] == pytest.approx(whole["test/loss"], rel=1e-6)


def test_all_evaluations_run_unless_some_are_named(whole):
    assert whole["seen/examples"] == 1437
    run, _, state = evaluator(360)
    assert run(state, ("seen",)).keys() == {"seen"}


def test_rows_reach_the_accumulators_once_and_without_padding():
    run, _, state = evaluator(100)
    indices = [rows["index"] for rows in run._rows(state, "test")]
    np.testing.assert_array_equal(np.concatenate(indices), np.arange(360))


@dataclasses.dataclass(frozen=True)
class Painting:
    """A task that shows something."""

    task: object

    def __getattr__(self, name):
        return getattr(self.task, name)

    def show(self, state, batch, key):
        image = batch["image"] / 255
        return {"low": image / 2, "high": image, "number": batch["index"]}


@pytest.mark.parametrize(("batch_size", "shown"), [(100, 16), (8, 8)])
def test_what_is_shown_is_the_same_each_time(batch_size, shown):
    run, task, state = evaluator(batch_size)
    assert run.show(state) == {}
    painter = Evaluator(Painting(task), run.data, batch_size, run.key)
    found = [painter.show(state) for _ in range(2)]
    np.testing.assert_array_equal(found[0]["number"], np.arange(shown))
    np.testing.assert_array_equal(found[0]["high"], found[1]["high"])
    assert strip(found[0]).width < strip(found[0]).height
