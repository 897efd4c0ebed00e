"""Every example exactly once, whatever the batch size."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.data import Data
from resnet_jax.data.sources import load_source
from resnet_jax.evaluate import Evaluator
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.parallel import replicated
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
    assert run.show(state) == [{}]
    painter = Evaluator(Painting(task), run.data, batch_size, run.key)
    found = [painter.show(state)[0] for _ in range(2)]
    np.testing.assert_array_equal(found[0]["number"], np.arange(shown))
    np.testing.assert_array_equal(found[0]["high"], found[1]["high"])
    assert strip(found[0]).width < strip(found[0]).height


def test_images_of_each_domain_keep_their_names():
    run, _, _ = evaluator(8)

    def columns(state, batch, key):
        (name,) = {"a", "b"} & batch.keys()
        return {name: batch[name], f"{name} again": batch[name]}

    show = run._compiled(columns)
    rest = {"index": np.arange(2), "mask": np.ones(2, bool)}
    for name in ("b", "a", "b"):
        assert list(show({}, {name: np.ones(2), **rest})) == [
            name,
            f"{name} again",
            "mask",
        ]


@dataclasses.dataclass(frozen=True)
class Measuring:
    """A task that says how bright an image is, and where it was judged."""

    metrics: ClassVar = {
        "brightness": Accumulator(list, lambda sums, rows: [*sums, rows], len)
    }

    def eval_step(self, state, batch, key):
        height, width = batch["image"].shape[1:3]
        brightness = state["gain"] * batch["image"].mean((1, 2, 3))
        area = jnp.full(len(batch["image"]), height * width)
        return {"brightness": brightness, "area": area, "index": batch["index"]}

    def show(self, state, batch, key):
        return {"image": batch["image"] / 255, "number": batch["index"]}


def test_images_of_different_sizes_are_judged_one_by_one():
    whole = {"name": "photos", "patch": None}
    section = {
        "source": {"name": "photos", "patch": 16},
        "train": {"split": "train"},
        "evals": {"test": {"split": "test", "source": whole}},
    }
    data = Data(section, batch_size=8, seed=0)
    run = Evaluator(Measuring(), data, 8, jax.random.key(1))
    assert run.mesh.size == 2
    # On all devices, as a state is that was trained.
    state = jax.device_put({"gain": jnp.float32(2)}, replicated(run.mesh))
    rows = run(state)["test"]["brightness"]
    images = load_source(whole, "test").images
    assert [int(row["index"][0]) for row in rows] == list(range(10))
    assert [int(row["area"][0]) for row in rows] == [x[..., 0].size for x in images]
    found = [float(row["brightness"][0]) for row in rows]
    np.testing.assert_allclose(found, [2 * x.mean() for x in images], rtol=1e-5)
    shown = [rows["image"][0] for rows in run.show(state)]
    for image, wanted in zip(shown, images, strict=True):
        np.testing.assert_allclose(image, wanted / 255, rtol=1e-6)
