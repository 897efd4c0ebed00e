"""resnet-jax train: an experiment from its config, or on from where it stopped."""

import contextlib
import dataclasses
from collections.abc import Callable
from functools import partial

import jax
from etils import epath

from resnet_jax import __version__
from resnet_jax import config as configs
from resnet_jax.checkpoint import Checkpoints, DamagedError
from resnet_jax.dispatch import mesh_of
from resnet_jax.files import absolute
from resnet_jax.helpers import read_helpers
from resnet_jax.lookup import suggest
from resnet_jax.plan import Plan
from resnet_jax.preemption import Stop
from resnet_jax.report import Report, unused_accelerator
from resnet_jax.run import build_data, build_task, make_plan
from resnet_jax.spec import DataSpec
from resnet_jax.speedrun import speedrun_options, train_speedrun
from resnet_jax.state import TrainState
from resnet_jax.tasks import Task
from resnet_jax.tasks.base import compile_train_step
from resnet_jax.train import train as train_loop
from resnet_jax.verbs.workdir import choose_workdir, locked
from resnet_jax.weights import warm_start


def train(
    config: configs.ConfigDict,
    *,
    name: str,
    workdir: str = "",
    dry_run: bool = False,
    quiet: bool = False,
    allow_changes: bool = False,
) -> dict[str, float]:
    """Trains, or goes on training where the workdir holds a run of the same config.

    Args:
        config: with the command line's overrides.
        name: of the config, for people and for the default workdir.
        workdir: the run folder; '' for runs/<name>, or runs/<name>-2 and so on where
            that holds another experiment.
        dry_run: says what would happen, and writes nothing.
        quiet: warnings and the last line only.
        allow_changes: go on although the config differs from the saved one.

    Returns:
        The metrics of the last evaluation.

    Raises:
        ValueError: something in the config, the data or the workdir is not right.
    """
    plain = configs.from_json(configs.to_json(config))
    plan, options = make_plan(plain), speedrun_options(plain)
    folder = choose_workdir(workdir, name, plain, allow_changes)
    data = build_data(plain)
    helpers = read_helpers(plain, data.spec)
    task = build_task(plain, data.spec, {k: v.network for k, v in helpers.items()})
    check_best(plan.best[0], task, tuple(data.evals))
    data.step_size(task.draws)
    stop = Stop()
    plan = dataclasses.replace(
        plan,
        description={
            "config": configs.to_json(plain),
            "spec": data.spec.to_json(),
            "version": __version__,
            "frozen": {name: each.described() for name, each in helpers.items()},
        },
        stopping=stop,
        frozen={name: each.variables for name, each in helpers.items()} or None,
    )
    state = jax.eval_shape(
        lambda key: task.init(key, data.spec.batch(1)), jax.random.key(0)
    )
    start, beginning = None, ""
    # A run makes the folder of its checkpoints before it has one.
    past = Checkpoints(absolute(folder), read_only=True)
    if plain.get("init_from") and not past.steps():
        start, beginning = warm_start(plain["init_from"], state, data.spec)
    plan = dataclasses.replace(plan, start=start)
    rehearse(task, data, plan, state, past)
    facts = banner(name, state, data.spec, plan, folder)
    if beginning:
        facts["begins from"] = beginning
    for name, each in helpers.items():
        facts[name] = f"'{each.source}'"
    if dry_run:
        width = max(map(len, facts))
        print("\n".join(f"{fact:{width}}  {text}" for fact, text in facts.items()))
        print("dry run: nothing was written.")
        return {}
    with locked(folder), stop.listening():
        report = Report(
            folder,
            config=plan.description["config"],
            title=name,
            total_steps=plan.total_steps,
            quiet=quiet,
            tensorboard=plan.options.tensorboard,
            enabled=jax.process_index() == 0,
        )
        report.banner(facts)
        if warning := unused_accelerator():
            report.warn(warning)
        keep, best = plan.options.keep, plan.best[1]
        checkpoints = Checkpoints(report.workdir, keep=keep, best=best)
        try:
            loop: Callable = train_loop
            if options is not None:
                loop = partial(train_speedrun, options=options)
            _, metrics = loop(task, data, plan, report, checkpoints)
        finally:
            with contextlib.suppress(Exception):
                checkpoints.close()
            if data.replaced:
                report.say(
                    "training examples that could not be read and were replaced by "
                    f"the next: {data.replaced:,}"
                )
            report.close()
    return metrics


def check_best(metric: str, task: Task, evaluations: tuple[str, ...]) -> None:
    """Raises ValueError where no evaluation gives the metric of the best checkpoint."""
    nothing = {name: each.empty() for name, each in task.metrics.items()}
    known = task.summarize(dict.fromkeys(evaluations, nothing))
    if known and metric not in known:
        raise ValueError(
            f"best is '{metric}', which no evaluation gives. {suggest(metric, known)}"
        )


def rehearse(
    task: Task,
    data,
    plan: Plan,
    state: TrainState,
    checkpoints: Checkpoints,
) -> None:
    """Traces a step and the evaluations, or compares the newest checkpoint.

    Raises:
        ValueError: something does not fit together; nothing was written yet.
    """
    if steps := checkpoints.steps():
        with contextlib.suppress(DamagedError):
            plan.check_frozen(checkpoints.describe(steps[0]))
            checkpoints.check(steps[0], state)
        return
    mesh, mode = mesh_of(plan), plan.options.parallel
    size = task.draws * plan.batch_size
    lead = (mesh.size, size // mesh.size) if mode == "pmap" else (size,)
    batch = {
        key: jax.ShapeDtypeStruct((*lead, *data.spec.shapes[key]), dtype)
        for key, dtype in data.spec.dtypes.items()
    }
    state = dataclasses.replace(state, frozen=plan.frozen)
    compile_train_step(task, mesh, mode).lower(state, batch, jax.random.key(0))
    for name, batch in data.blanks().items():
        for function in (task.eval_step, task.show):
            try:
                jax.eval_shape(function, state, batch, jax.random.key(0))
            except ValueError as error:
                raise ValueError(f"evaluation '{name}': {error}") from error


def banner(
    name: str, state: TrainState, spec: DataSpec, plan: Plan, folder: epath.Path
) -> dict[str, str]:
    """What is about to run, fact by fact."""
    sizes = {
        net: sum(x.size for x in jax.tree.leaves(value.params))
        for net, value in state.nets.items()
    }
    mesh, mode, devices = mesh_of(plan), plan.options.parallel, jax.devices()
    used = f"{mesh.size} of {len(devices)}" if mesh.size < len(devices) else mesh.size
    processes = jax.process_count()
    kind, platform = devices[0].device_kind, devices[0].platform
    sets = [f"{count:,} {split}" for split, count in spec.sizes.items()]
    shapes = [
        f"{key} {' x '.join(map(str, shape))}"
        for key, shape in spec.shapes.items()
        if shape
    ]
    classes = [f"{spec.num_classes:,} classes"] if spec.num_classes else []
    return {
        "experiment": name,
        "versions": f"resnet_jax {__version__}, jax {jax.__version__}",
        "devices": f"{used} x {kind}"
        + (f" ({platform})" if platform != kind else "")
        + (f", {processes} processes" if processes > 1 else "")
        + ("" if mode == "jit" else f", {mode}"),
        "parameters": ", ".join(
            f"{net} {size:,}" if len(sizes) > 1 else f"{size:,}"
            for net, size in sizes.items()
        ),
        "data": f"{spec.source}: {', '.join([*sets, *shapes, *classes])}",
        "training": f"{plan.total_steps:,} steps, seed {plan.seed}",
        "batch size": str(plan.batch_size),
        "workdir": str(absolute(folder)),
    }
