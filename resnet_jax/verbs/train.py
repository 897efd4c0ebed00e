"""resnet-jax train: an experiment from its config, or on from where it stopped."""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping

import jax
from etils import epath

from resnet_jax import __version__
from resnet_jax import config as configs
from resnet_jax.checkpoint import FOLDER, Checkpoints
from resnet_jax.parallel import make_mesh
from resnet_jax.plan import Plan
from resnet_jax.preemption import Stop
from resnet_jax.report import Report, unused_accelerator
from resnet_jax.run import build_data, build_task, load, options, saved_config
from resnet_jax.state import TrainState
from resnet_jax.train import train as train_loop

SHOWN = 5


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
    run_options = options(plain)
    folder = choose_workdir(workdir, name, plain, allow_changes)
    data = build_data(plain)
    task = build_task(plain, data.spec)
    description = {
        "config": configs.to_json(plain),
        "spec": data.spec.to_json(),
        "version": __version__,
    }
    stop = Stop()
    plan = Plan(
        seed=plain["seed"],
        batch_size=plain["batch_size"],
        total_steps=plain["total_steps"],
        best=tuple(plain["best"]),
        options=run_options,
        description=description,
        stopping=stop,
        start=warm_start(plain["init_from"], task, data.spec, folder),
    )
    facts = banner(name, task, data.spec, plan, folder)
    if dry_run:
        width = max(map(len, facts))
        print("\n".join(f"{fact:{width}}  {text}" for fact, text in facts.items()))
        print("dry run: nothing was written.")
        return {}
    make_writable(folder)
    with locked(folder), stop.listening():
        report = Report(
            folder,
            config=description["config"],
            title=name,
            total_steps=plan.total_steps,
            quiet=quiet,
            tensorboard=run_options.tensorboard,
            enabled=jax.process_index() == 0,
        )
        report.banner(facts)
        if warning := unused_accelerator():
            report.warn(warning)
        keep, best = run_options.keep, plan.best[1]
        checkpoints = Checkpoints(report.workdir, keep=keep, best=best)
        try:
            _, metrics = train_loop(task, data, plan, report, checkpoints)
        finally:
            with contextlib.suppress(Exception):
                checkpoints.close()
            report.close()
    return metrics


def choose_workdir(workdir: str, name: str, config: Mapping, allow: bool) -> epath.Path:
    """The folder to write to; refuses one that holds something else.

    Raises:
        ValueError: a named workdir holds another experiment, or other files.
    """
    if workdir:
        folder = epath.Path(workdir).expanduser()
        check_workdir(folder, config, allow)
        return folder
    number = 1
    while True:
        folder = epath.Path(f"runs/{name}" if number == 1 else f"runs/{name}-{number}")
        if not folder.exists() or saved_config(folder) == config:
            return folder
        number += 1


def check_workdir(folder: epath.Path, config: Mapping, allow: bool) -> None:
    """Raises ValueError unless the folder is new, empty, or holds this experiment."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"workdir '{folder}' is a file; name a folder.")
    saved = saved_config(folder)
    if saved is None:
        if any(folder.iterdir()):
            raise ValueError(
                f"workdir '{folder}' is not empty and holds no run; name a new folder."
            )
        return
    changes = configs.differences(saved, config)
    if changes and not allow:
        shown = "; ".join(
            f"{field} is {old!r} there and {new!r} here"
            for field, (old, new) in list(changes.items())[:SHOWN]
        )
        more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        raise ValueError(
            f"workdir '{folder}' holds another experiment: {shown}{more}. Use another "
            "workdir, or --allow_changes to go on with the new values."
        )


def make_writable(folder: epath.Path) -> None:
    """Makes the folder; raises ValueError where it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise ValueError(
            f"cannot write to workdir '{folder}' ({error.strerror}); name another with "
            "--workdir."
        ) from error


@contextlib.contextmanager
def locked(folder: epath.Path) -> Iterator[None]:
    """Keeps a second process from training in the same local folder.

    Raises:
        ValueError: one is training there already.
    """
    if "://" in str(folder) or jax.process_count() > 1:
        yield
        return
    with open(folder / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                f"another process is training in '{folder}'; wait for it, or name "
                "another --workdir."
            ) from error
        yield


def warm_start(source: str, task, spec, folder: epath.Path) -> dict | None:
    """{net: {'params', 'stats'}} of another run, for a run that has no checkpoint yet.

    Raises:
        ValueError: there is no such run, or its networks have other shapes.
    """
    if not source or (folder / FOLDER).exists():
        return None
    other = load(source)
    key = jax.random.key(0)
    state = other.task.prepare_eval(other.state, (), key)
    wanted = jax.eval_shape(lambda: task.init(key, spec.batch(1)))
    start = {}
    for name, net in wanted.nets.items():
        if name not in state.nets:
            raise ValueError(f"init_from '{source}' has no network '{name}'.")
        values = {"params": state.nets[name].params, "stats": state.nets[name].stats}
        here = jax.tree.map(
            lambda x: x.shape, {"params": net.params, "stats": net.stats}
        )
        if jax.tree.map(lambda x: x.shape, values) != here:
            raise ValueError(
                f"init_from '{source}' holds another network than config.model; use "
                "the model, and as many classes, as that run."
            )
        start[name] = values
    return start


def banner(name: str, task, spec, plan: Plan, folder: epath.Path) -> dict[str, str]:
    """What is about to run, fact by fact."""
    state: TrainState = jax.eval_shape(
        lambda: task.init(jax.random.key(0), spec.batch(1), None)
    )
    sizes = {
        net: sum(x.size for x in jax.tree.leaves(value.params))
        for net, value in state.nets.items()
    }
    mesh, devices = make_mesh(plan.batch_size), jax.devices()
    used = f"{mesh.size} of {len(devices)}" if mesh.size < len(devices) else mesh.size
    shapes = (f"{key} {list(spec.shapes[key])}" for key in task.needs)
    sets = (f"{count:,} {split}" for split, count in spec.sizes.items())
    return {
        "experiment": name,
        "versions": f"resnet_jax {__version__}, jax {jax.__version__}",
        "devices": f"{used} x {devices[0].device_kind} ({devices[0].platform}), "
        f"{jax.process_count()} process(es), {plan.options.parallel}",
        "parameters": ", ".join(
            f"{net} {size:,}" if len(sizes) > 1 else f"{size:,}"
            for net, size in sizes.items()
        ),
        "data": f"{spec.source}: {', '.join(sets)}; {', '.join(shapes)}",
        "training": f"{plan.total_steps:,} steps, seed {plan.seed}",
        "batch size": str(plan.batch_size),
        "workdir": str(folder if "://" in str(folder) else folder.resolve()),
    }
