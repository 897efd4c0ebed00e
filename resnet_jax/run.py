"""An experiment: built from its config, or taken up again from its folder."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import jax
from etils import epath

from resnet_jax import config as configs
from resnet_jax.checkpoint import Checkpoints
from resnet_jax.files import CHECKPOINTS, absolute, is_run
from resnet_jax.lookup import check_arguments
from resnet_jax.parallel import AXIS, make_mesh, replicated
from resnet_jax.plan import Options, Plan
from resnet_jax.spec import DataSpec
from resnet_jax.state import TrainState
from resnet_jax.tasks import Task, create_task

# Fields of a config that are not sections of the task.
GENERAL = (
    *("seed", "batch_size", "total_steps", "best", "patience", "init_from"),
    *("data", "run", "speedrun"),
)

# Sections of networks that help a task; None in a config without one.
HELPERS = ("teacher", "features", "perceptual", "lpips")


@dataclasses.dataclass(frozen=True)
class Run:
    """An experiment taken up again; its data is not needed.

    Attributes:
        config: as it was saved, a plain dict.
        task: the problem, with its networks.
        state: at `step`.
        spec: of the data it was trained on.
        step: completed steps.
    """

    config: dict[str, Any]
    task: Task
    state: TrainState
    spec: DataSpec
    step: int


def options(config: Mapping) -> Options:
    """The `run` section of a config.

    Raises:
        ValueError: a field is unknown or out of range.
    """
    section = config.get("run") or {}
    check_arguments(Options, section, "config.run")
    return Options(**section)


def make_plan(config: Mapping) -> Plan:
    """The plan of a config, still without what goes with its checkpoints.

    Raises:
        ValueError: a field is missing, of another kind or out of range.
    """
    names = ("seed", "batch_size", "total_steps", "best", "patience")
    fields = {name: config[name] for name in names if name in config}
    rest = ("options", "description", "stopping", "start", "frozen")
    check_arguments(Plan, fields, "config", rest)
    return Plan(**fields, options=options(config), description={})


def build_task(
    config: Mapping, spec: DataSpec, networks: Mapping[str, Any] | None = None
) -> Task:
    """The task of a config and its data.

    Args:
        config: of the experiment.
        spec: of its data.
        networks: trained ones by the section that asks for them. A task without its
            teacher cannot train, one without its features measures less.

    Raises:
        ValueError: a name or field is unknown, or a section is missing.
    """
    if not config.get("task"):
        raise ValueError("the config has no task; set config.task.name.")
    sections = {k: config[k] for k in config if k not in (*GENERAL, "task")}
    for name in HELPERS:
        if sections.get(name) is None:
            sections.pop(name, None)
    for name, network in (networks or {}).items():
        sections[name] = {**sections[name], "network": network}
    return create_task(
        config["task"],
        spec=spec,
        total_steps=config["total_steps"],
        batch_size=config["batch_size"],
        axis_name=AXIS if options(config).parallel == "pmap" else None,
        **sections,
    )


def build_data(config: Mapping):
    """The data of a config, this process's share of it.

    Raises:
        ValueError: the data is not there, or not what the config says.
    """
    from resnet_jax.data import Data

    if not config.get("data"):
        raise ValueError("the config has no data; set config.data.source.name.")
    return Data(
        config["data"],
        batch_size=config["batch_size"],
        seed=config["seed"],
        workers=options(config).workers,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )


def load(
    path: epath.PathLike,
    checkpoint: str = "newest",
    warn=lambda text: None,
) -> Run:
    """A finished or running experiment, ready to be used.

    Args:
        path: its workdir.
        checkpoint: 'newest', 'best' or a step.
        warn: is told of damaged checkpoints that were passed over.

    Raises:
        ValueError: there is no such run or checkpoint, or it is damaged.
    """
    folder = absolute(path)
    if not is_run(folder):
        raise ValueError(
            f"'{path}' holds no run; expected a --workdir of `resnet-jax train`, with "
            f"a folder {CHECKPOINTS}/ in it."
        )
    best = (saved_config(folder) or {}).get("best", ("", "max"))[1]
    checkpoints = Checkpoints(folder, best=best, read_only=True)
    try:
        wanted = _steps(checkpoints, checkpoint, path)
        found = checkpoints.newest_good(
            lambda step: _read(checkpoints, step), warn, wanted
        )
    finally:
        checkpoints.close()
    if found is None:
        raise ValueError(f"'{path}' has no checkpoint yet; train it for longer.")
    return found


def _steps(checkpoints: Checkpoints, checkpoint: str, path) -> list[int]:
    steps = checkpoints.steps()
    if checkpoint == "newest":
        return steps
    wanted = checkpoints.best_step() if checkpoint == "best" else checkpoint
    if wanted is None or not str(wanted).isdigit() or int(wanted) not in steps:
        there = ", ".join(map(str, steps)) or "none"
        raise ValueError(
            f"'{path}' has no checkpoint '{checkpoint}'; expected 'newest', 'best' "
            f"(of a run with evaluations) or a step, of which there are: {there}."
        )
    return [int(wanted)]


def _read(checkpoints: Checkpoints, step: int) -> Run:
    description = checkpoints.describe(step)
    config = configs.from_json(description["config"])
    spec = DataSpec.from_json(description["spec"])
    task = build_task({**config, "run": {**config["run"], "parallel": "jit"}}, spec)
    like = jax.eval_shape(lambda key: task.init(key, spec.batch(1)), jax.random.key(0))
    state = checkpoints.restore(step, like, replicated(make_mesh(jax.device_count())))
    return Run(config, task, state, spec, step)


def saved_config(path: epath.PathLike) -> dict | None:
    """The config of the run in a folder, None where there is none.

    Raises:
        ValueError: there is one, and it is unreadable.
    """
    file = epath.Path(path) / "config.json"
    if not file.exists():
        return None
    try:
        return configs.from_json(json.loads(file.read_text()))
    except ValueError as error:
        raise ValueError(
            f"'{file}' is not JSON ({error}); restore it, or use another workdir."
        ) from error
