"""What the figures count; how fast this machine is does not matter."""

import itertools
import types

import pytest

from resnet_jax.plan import Options, Plan
from resnet_jax.verbs import benchmark


def test_a_step_takes_all_of_its_draws(monkeypatch):
    """640 images a second in steps of 2 x 16 images: 50 ms a step."""

    def train(task, data, plan, report, checkpoints):
        report.log(plan.total_steps, {"time/images_per_second": 640.0})

    monkeypatch.setattr(benchmark, "train", train)
    task, plan = (
        types.SimpleNamespace(draws=2),
        Plan(0, 16, 1, ("", "max"), Options(), {}),
    )
    assert benchmark._loop(task, None, plan, 10) == pytest.approx(0.05)


def test_the_input_is_asked_for_whole_steps(monkeypatch):
    asked = []

    class Data:
        def train(self, step, draws):
            asked.append(draws)
            return itertools.repeat({})

    ticks = iter([0.0, 4.0])
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: next(ticks))
    assert benchmark._input_rate(Data(), 2, 32, 100) == 100 * 32 / 4
    assert asked == [2]
