"""What the figures count; how fast this machine is does not matter."""

import itertools
import types

import jax
import jax.numpy as jnp
import pytest

from resnet_jax import config as configs
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


def test_memory_beside_a_copy(monkeypatch):
    """6 GB in 2 seconds, where a copy moves 12 in one."""
    monkeypatch.setattr(benchmark, "_copied_gigabytes", lambda: 12.0)
    step = types.SimpleNamespace(cost_analysis=lambda: {"bytes accessed": 6e9})
    found = benchmark._traffic(step, 2.0)
    assert found["memory_gigabytes_per_second"] == pytest.approx(3)
    assert found["memory_bandwidth_use"] == pytest.approx(0.25)
    assert not benchmark._traffic(types.SimpleNamespace(cost_analysis=dict), 2.0)


def test_xla_counts_what_is_read_and_written():
    x = jnp.ones((256, 256))
    step = jax.jit(lambda x: x @ x).lower(x).compile()
    found = benchmark._traffic(step, 1.0)
    read_and_written = 3 * x.nbytes / 1e9
    assert found["memory_gigabytes_per_second"] == pytest.approx(read_and_written, 0.4)
    assert found["copy_gigabytes_per_second"] > 0.1


def test_a_row_for_each_batch_size_that_fits(monkeypatch, capsys):
    config = configs.read("digits_resnet")
    usual = config.batch_size

    def time_config(config, *, name, steps):
        if config.batch_size > 64:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
        timings = {"config": name, "bare_step_ms": float(config.batch_size)}
        return benchmark.Timings({**timings, "batch_size": config.batch_size})

    monkeypatch.setattr(benchmark, "time_config", time_config)
    table = benchmark.benchmark(config, name="", steps=4, batch_sizes="32,64,128")
    assert list(table) == [
        {"batch_size": 32, "bare_step_ms": 32.0},
        {"batch_size": 64, "bare_step_ms": 64.0},
    ]
    assert str(table).splitlines()[-1].split() == ["64", "64"]
    assert "a step of 128 needs more memory" in capsys.readouterr().err
    assert config.batch_size == usual


def test_other_failures_are_told(monkeypatch):
    def time_config(config, *, name, steps):
        raise jax.errors.JaxRuntimeError("INTERNAL: lost")

    monkeypatch.setattr(benchmark, "time_config", time_config)
    with pytest.raises(jax.errors.JaxRuntimeError, match="lost"):
        benchmark.benchmark(configs.read("digits_resnet"), name="", batch_sizes="32")


@pytest.mark.parametrize("sizes", ["32,x", "0", "32,,64", "-1", "32 64"])
def test_batch_sizes_that_are_none(sizes):
    with pytest.raises(ValueError, match="--batch-sizes is"):
        benchmark.benchmark(configs.read("digits_resnet"), name="", batch_sizes=sizes)
