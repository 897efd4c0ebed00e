"""Runs of seconds, timed: the host's side of resnet_jax.speedrun_program."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.checkpoint import Checkpoints
from resnet_jax.files import write_json
from resnet_jax.lookup import check_arguments
from resnet_jax.plan import Plan
from resnet_jax.preemption import Preempted
from resnet_jax.report import Report
from resnet_jax.speedrun_program import Program, Speedrun, compile_program
from resnet_jax.state import TrainState
from resnet_jax.tasks import Classification, Task
from resnet_jax.window import NonFiniteError

TIMED = (
    "from images and labels on the device to the accuracies: measuring the whitening "
    "kernel, training, evaluation with test-time augmentation; not compilation"
)


# What a checkpoint can be the best of.
MEASURED = ("accuracy", "loss")


def speedrun_options(config: Mapping) -> Speedrun | None:
    """The `speedrun` section of a config, None where it has none.

    Raises:
        ValueError: a field is unknown or out of range.
    """
    section = config.get("speedrun")
    if not section:
        return None
    check_arguments(Speedrun, section, "speedrun")
    return Speedrun(**section)


def train_speedrun(
    task: Task,
    data,
    plan: Plan,
    report: Report,
    checkpoints: Checkpoints,
    *,
    options: Speedrun,
) -> tuple[TrainState | None, dict[str, float]]:
    """As train.train, but each run is one program, for one seed after another.

    Nothing is saved before the end, so an interrupted run starts again; the first
    seed's final state is kept as the checkpoint. The workdir also gets results.json:
    every seed's accuracy, the seconds of every dispatch, and what was timed.

    Args:
        task: a Classification.
        data: its `.whole(name)`: training, which takes no random transforms, and the
            evaluation that plan.best names.
        plan: how long, and with which first seed.
        report: is told everything.
        checkpoints: of this run.
        options: the config's `speedrun` section.

    Returns:
        The first seed's final state, and means over the seeds (None and {} where the
        run was finished before).

    Raises:
        ValueError: the task or the data cannot be run like this.
        NonFiniteError: a loss is not finite; nothing was saved.
        Preempted: plan.stopping said so, between two groups of seeds.
    """
    if plan.total_steps in checkpoints.steps():
        report.rewind(plan.total_steps)
        report.say(f"finished: nothing to do; {report.workdir} holds the results")
        return None, {}
    checkpoints.set_aside(newer_than=-1)
    report.rewind(0)
    program = make_program(task, plan, options)
    evaluation = plan.best[0].partition("/")[0]
    with report.phase("moving data to the device"):
        train, test = (_on_device(data.whole(name)) for name in ("train", evaluation))
    cpu = jax.default_backend() == "cpu"
    one = not cpu if options.one_program is None else options.one_program
    warm_up = not cpu if options.warm_up is None else options.warm_up
    groups = plan.seed + np.arange(options.seeds).reshape(-1, options.together)
    begin = time.perf_counter()
    with report.phase("compiling the run"):
        run = compile_program(program, jnp.asarray(groups[0]), train, test, one)
    compiling = time.perf_counter() - begin
    if warm_up:
        with report.phase("warming up"):
            jax.block_until_ready(run(jnp.asarray(groups[0]), train, test))
    kept, curves, seconds = _dispatch(run, groups, (train, test), plan, report)
    for step in range(plan.total_steps):
        row = {f"train/{k}": x[:, step].mean() for k, x in curves["train"].items()}
        report.log(step + 1, row)
    results = results_of(curves["eval"], groups, seconds, compiling, one)
    report.say(table(results))
    metrics = {f"{evaluation}/{k}": x.mean() for k, x in curves["eval"].items()}
    metrics |= {
        f"{evaluation}/accuracy_sd": results["accuracy"]["sd"],
        "time/seconds_per_run": results["seconds_per_run"]["mean"],
        "time/compiling": compiling,
    }
    report.log(plan.total_steps, metrics, progress=False)
    description = {**plan.description, "attempt": 0}
    checkpoints.save(kept, description, float(metrics[plan.best[0]]))
    checkpoints.wait()
    if report.enabled:
        write_json(report.workdir / "results.json", results)
    return kept, {name: float(value) for name, value in metrics.items()}


def _dispatch(
    run: Callable, groups: np.ndarray, arrays: tuple, plan: Plan, report: Report
) -> tuple[TrainState, dict[str, Any], list[float]]:
    """The groups of seeds in turn: the first seed's state, all scalars, the seconds."""
    found, seconds = [], []
    for group in groups:
        if plan.stopping(0):
            raise Preempted(
                f"stopped before seed {group[0]}; a speedrun keeps nothing before its "
                "end: the same command starts again."
            )
        begin = time.perf_counter()
        state, scalars = run(jnp.asarray(group), *arrays)
        found.append(jax.device_get(scalars))
        seconds.append(time.perf_counter() - begin)
        _check_finite(found[-1], group)
        if len(found) == 1:
            kept = jax.tree.map(lambda x: x[0], state)
        accuracy = ", ".join(f"{100 * a:.2f}" for a in found[-1]["eval"]["accuracy"])
        report.say(
            f"seeds {group[0]} to {group[-1]}: {accuracy} %, {seconds[-1]:.2f} s"
        )
    return kept, jax.tree.map(lambda *x: np.concatenate(x), *found), seconds


def make_program(task: Task, plan: Plan, options: Speedrun) -> Program:
    """The program of one seed.

    Raises:
        ValueError: it is another problem, or something else that stays a loop's.
    """
    if not isinstance(task, Classification):
        raise ValueError("a speedrun trains a classifier; drop config.speedrun.")
    if jax.process_count() > 1 or plan.options.parallel != "jit":
        raise ValueError(
            "a speedrun runs on one process and one device; drop config.speedrun, "
            "--distributed and run.parallel."
        )
    if plan.best[0].partition("/")[2] not in MEASURED:
        raise ValueError(
            f"best is '{plan.best[0]}', and a speedrun measures "
            f"{' and '.join(MEASURED)}; choose one of them, or drop config.speedrun."
        )
    if plan.start:
        raise ValueError("a speedrun starts from nothing; drop config.init_from.")
    return Program(task, options, plan.batch_size, plan.total_steps)


def results_of(
    judged: Mapping[str, np.ndarray],
    groups: np.ndarray,
    seconds: list[float],
    compiling: float,
    one_program: bool,
) -> dict[str, Any]:
    """What results.json holds.

    Args:
        judged: 'accuracy' and so on, one value per seed.
        groups: seeds [dispatches, together].
        seconds: of each dispatch.
        compiling: seconds.
        one_program: whether a dispatch was the whole run.
    """
    return {
        "n": groups.size,
        "together": groups.shape[1],
        "seeds": groups.reshape(-1),
        **{name: _spread(values) for name, values in judged.items()},
        "seconds_per_run": _spread(np.asarray(seconds)),
        "seconds_per_seed": sum(seconds) / groups.size,
        "seconds_compiling": compiling,
        "one_program": one_program,
        "timed": TIMED,
        "device": jax.devices()[0].device_kind,
    }


def table(results: Mapping[str, Any]) -> str:
    """Two lines: names and figures. tests/benchmarks/speedrun_torch.py has the same."""

    def percent(name):
        return f"{100 * results[name]['mean']:.2f} ± {100 * results[name]['sd']:.2f}"

    run = results["seconds_per_run"]
    columns = {
        "n": str(results["n"]),
        "accuracy %": percent("accuracy"),
        "without TTA %": percent("plain_accuracy"),
        "seconds/run": f"{run['mean']:.3f} ± {run['sd']:.3f}",
        "seeds/run": str(results["together"]),
        "seconds/seed": f"{results['seconds_per_seed']:.3f}",
        "compile s": f"{results['seconds_compiling']:.1f}",
        "device": results["device"],
    }
    widths = [max(len(name), len(text)) for name, text in columns.items()]
    lines = (columns.keys(), columns.values())
    return "\n".join(
        "  ".join(f"{x:{w}}" for x, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _spread(values: np.ndarray) -> dict[str, Any]:
    """Mean, standard deviation (of the sample; 0 for one value) and the values."""
    sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(values.mean()), "sd": sd, "values": values}


def _on_device(batch: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
    return {key: jax.device_put(batch[key]) for key in ("image", "label")}


def _check_finite(scalars: Mapping[str, Any], seeds: np.ndarray) -> None:
    loss = scalars["train"]["loss"]
    if not np.isfinite(loss).all():
        seed, step = np.argwhere(~np.isfinite(loss))[0]
        raise NonFiniteError(
            f"the loss of seed {seeds[seed]} is {loss[seed, step]} at step {step + 1}; "
            "lower the learning rate or take a wider dtype."
        )
