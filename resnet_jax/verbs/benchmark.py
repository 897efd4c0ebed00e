"""resnet-jax benchmark: where the time of a config goes, on this machine."""

import dataclasses
import itertools
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from resnet_jax import config as configs
from resnet_jax.checkpoint import Checkpoints
from resnet_jax.collectives import moved
from resnet_jax.compiler import compiler_options
from resnet_jax.dispatch import mesh_of
from resnet_jax.helpers import read_helpers
from resnet_jax.models.summary import summarize
from resnet_jax.nn.precision import compute_dtype
from resnet_jax.parallel import make_mesh, place
from resnet_jax.plan import Plan, keys
from resnet_jax.report import Report
from resnet_jax.run import build_data, build_task, make_plan
from resnet_jax.sharding import layout
from resnet_jax.tasks.base import compile_train_step
from resnet_jax.train import train
from resnet_jax.verbs.table import Table, warn

ROUNDS = 3
# Of the table of batch sizes.
COLUMNS = (
    *("batch_size", "compile_seconds", "bare_step_ms", "loop_step_ms"),
    *("images_per_second", "step_temporary_mib", "model_flops_use"),
)


def benchmark(
    config: configs.ConfigDict, *, name: str, steps: int = 20, batch_sizes: str = ""
) -> "Timings | Table":
    """Where the time of a config goes, or how fast it is at several batch sizes.

    Args:
        config: with the command line's overrides.
        name: of the config.
        steps: per round, at least 2.
        batch_sizes: separated by commas, in place of the config's.

    Raises:
        ValueError: a batch size is no number, the config cannot be built, or its data
            is not there.
    """
    if not batch_sizes:
        return time_config(config, name=name, steps=steps)
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", batch_sizes):
        raise ValueError(
            f"--batch-sizes is '{batch_sizes}'; expected numbers from 1 on, separated"
            " by commas, such as --batch-sizes=64,128,256."
        )
    rows = []
    for size in map(int, batch_sizes.split(",")):
        sized = configs.ConfigDict(config)
        sized.batch_size = size
        try:
            timings = time_config(sized, name=name, steps=steps)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            warn(f"a step of {size} needs more memory than there is; it is left out.")
            continue
        rows.append({key: timings[key] for key in COLUMNS if key in timings})
    return Table(rows, dict.fromkeys(COLUMNS[1:], ",.4g"))


def time_config(config: configs.ConfigDict, *, name: str, steps: int = 20) -> "Timings":
    """Times compilation, the bare step, the whole loop, and the input alone.

    The bare step runs on one batch that stays on the device; the loop reads, places
    and logs as training does. The two are timed in turn, ROUNDS times, and their
    medians are compared. What the input and the way to the devices take for a step is
    measured apart: in the loop both overlap with the step before. Nothing is kept.

    Args:
        config: with the command line's overrides.
        name: of the config.
        steps: per round, at least 2.

    Raises:
        ValueError: the config cannot be built, or its data is not there.
    """
    if steps < 2:
        raise ValueError(f"--steps is {steps}; expected at least 2.")
    jax.config.update("jax_enable_compilation_cache", False)
    plain = configs.from_json(configs.to_json(config))
    plain["data"] = {**(plain.get("data") or {}), "evals": {}}
    plan = make_plan(plain)
    data = build_data(plain)
    helpers = read_helpers(plain, data.spec)
    task = build_task(plain, data.spec, {k: v.network for k, v in helpers.items()})
    frozen = {name: each.variables for name, each in helpers.items()} or None
    plan = dataclasses.replace(plan, frozen=frozen)
    examples, mode = task.draws * plan.batch_size, plan.options.parallel
    mesh, key = mesh_of(plan), keys(plan.seed)["train"]
    batch = place(next(data.train(0, draws=task.draws)), mesh, mode)

    def init(key, frozen):
        state = task.init(key, data.spec.batch(1))
        return dataclasses.replace(state, frozen=jax.tree.map(jnp.copy, frozen))

    places = layout(jax.eval_shape(init, key, frozen), mesh)
    state = jax.jit(init, out_shardings=places)(key, frozen)
    begin = time.perf_counter()
    step = compile_train_step(task, mesh, mode).lower(state, batch, key)
    step = step.compile(compiler_options(plan.options.deterministic))
    compiling = time.perf_counter() - begin

    def bare() -> float:
        nonlocal state
        begin = time.perf_counter()
        for _ in range(steps):
            state, scalars = step(state, batch, key)
        jax.block_until_ready(scalars)
        return (time.perf_counter() - begin) / steps

    bare()
    input_rate = _input_rate(data, task.draws, examples, steps)
    pairs = [(bare(), _loop(task, data, plan, steps)) for _ in range(ROUNDS)]
    bare_time, loop_time = (
        statistics.median(times) for times in zip(*pairs, strict=True)
    )
    return Timings(
        {
            "config": name,
            "device": f"{mesh.size} x {jax.devices()[0].device_kind}",
            "batch_size": plan.batch_size,
            "compile_seconds": compiling,
            "bare_step_ms": 1e3 * bare_time,
            "loop_step_ms": 1e3 * loop_time,
            "loop_overhead": statistics.median(b / a for a, b in pairs) - 1,
            "images_per_second": examples / loop_time,
            "input_images_per_second": input_rate,
            "input_ms": 1e3 * examples / input_rate,
            "transfer_ms": 1e3 * _transfer(data, task.draws, mesh, mode),
            **_work(task, data.spec, examples / bare_time),
            **_traffic(step, bare_time),
            **_memory(step),
            **_moved(step, mesh.size),
        }
    )


def _loop(task, data, plan: Plan, steps: int) -> float:
    """Seconds per step of the training loop itself, compilation left out."""
    options = dataclasses.replace(
        plan.options, log_every=steps, eval_every=0, save_every=0
    )
    plan = dataclasses.replace(plan, total_steps=2 * steps, options=options)
    with tempfile.TemporaryDirectory() as folder:
        report = _Rates(folder)
        checkpoints = Checkpoints(folder)
        train(task, data, plan, report, checkpoints)
        checkpoints.close()
    return task.draws * plan.batch_size / report.rates[-1]


class _Rates(Report):
    """Keeps the images per second that the loop reports, and writes nothing."""

    def __init__(self, folder: str):
        super().__init__(folder, config={}, title="", total_steps=0, enabled=False)
        self.rates: list[float] = []

    def log(self, step, values, progress=True):
        """Takes the rate of a window."""
        self.rates += [v for k, v in values.items() if k == "time/images_per_second"]


def _input_rate(data, draws: int, examples: int, steps: int) -> float:
    """Examples per second where nobody else is at work."""
    batches = data.train(0, draws=draws)
    next(batches)
    begin = time.perf_counter()
    for _ in itertools.islice(batches, max(steps, 50)):
        pass
    return max(steps, 50) * examples / (time.perf_counter() - begin)


def _transfer(data, draws: int, mesh, mode: str) -> float:
    """Seconds in which a batch that is ready gets to the devices."""
    batch = next(data.train(0, draws=draws))
    return _seconds(lambda: place(batch, mesh, mode, draws))


def _seconds(work: Callable[[], Any]) -> float:
    """The median of nine, after one to be warm."""
    times = []
    for _ in range(10):
        begin = time.perf_counter()
        jax.block_until_ready(work())
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


def _work(task, spec, images_per_second: float) -> dict[str, float]:
    """Arithmetic of forward and backward (three forwards), beside a matrix product."""
    model = getattr(task, "model", None)
    if model is None:
        return {}
    flops = 3 * summarize(model, spec.shapes["image"])["gflops"] * images_per_second
    dtype = compute_dtype(getattr(model, "dtype", None)) or jnp.float32
    peak = _matmul_gflops(jnp.dtype(dtype)) * make_mesh(jax.device_count()).size
    return {
        "model_gflops_per_second": flops,
        "matmul_gflops_per_second": peak,
        "model_flops_use": flops / peak,
    }


def _matmul_gflops(dtype) -> float:
    size = 1024 if jax.default_backend() == "cpu" else 8192
    x = jnp.ones((size, size), dtype)
    product = jax.jit(lambda x: x @ x)
    return 2 * size**3 / _seconds(lambda: product(x)) / 1e9


def _traffic(step, seconds: float) -> dict[str, float]:
    """What the operations of a step read and write, beside a device's own memory.

    As XLA counts it: without caches, and what a loop repeats once.
    """
    counted = (step.cost_analysis() or {}).get("bytes accessed")
    if not counted:
        return {}
    rate, peak = counted / seconds / 1e9, _copied_gigabytes()
    return {
        "memory_gigabytes_per_second": rate,
        "copy_gigabytes_per_second": peak,
        "memory_bandwidth_use": rate / peak,
    }


def _copied_gigabytes() -> float:
    """Read and written in a second, in place."""
    x = jnp.ones(2**26 if jax.default_backend() == "cpu" else 2**28)
    add = jax.jit(lambda x: x + 1, donate_argnums=0)

    def work():
        nonlocal x
        x = add(x)
        return x

    return 2 * x.nbytes / _seconds(work) / 1e9


def _memory(step) -> dict[str, float]:
    """Peak use in MiB: of the device where it tells, and of this process."""
    stats = jax.devices()[0].memory_stats() or {}
    # ru_maxrss counts KiB on Linux and bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    memory = {"process_peak_mib": process}
    if "peak_bytes_in_use" in stats:
        memory["device_peak_mib"] = stats["peak_bytes_in_use"] / 2**20
    if analysis := step.memory_analysis():
        memory["step_temporary_mib"] = analysis.temp_size_in_bytes / 2**20
    return memory


def _moved(step, devices: int) -> dict[str, float]:
    """MiB that devices gather, reduce or exchange in a step, by kind."""
    if devices == 1:
        return {}
    each = moved(step.as_text()).items()
    return {f"{kind.replace('-', '_')}_mib": count / 2**20 for kind, count in each}


class Timings(dict[str, Any]):
    """Named figures; printed as a table."""

    def __str__(self) -> str:
        """One figure a line."""
        width = max(map(len, self))
        return "\n".join(f"{key:{width}}  {_shown(v)}" for key, v in self.items())


def _shown(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
