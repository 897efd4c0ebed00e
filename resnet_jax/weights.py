"""Weights that a run begins from: of another run, a published name, or a file."""

import re
from collections.abc import Collection
from typing import Any

import jax
from flax.traverse_util import flatten_dict, unflatten_dict

from resnet_jax.files import is_run
from resnet_jax.lookup import few
from resnet_jax.models import CLASSIFIERS
from resnet_jax.pretrained.load import load_pretrained
from resnet_jax.run import load
from resnet_jax.spec import DataSpec
from resnet_jax.state import NetState, TrainState

SHOWN = 3
# Where a network from images to images is among the modules of a task's.
INSIDE = ("ab", "translator")
# Modules that are drawn anew where their shapes differ: the head of classes, and what
# depends on the scale. Other channels change the last convolution too, and are refused.
HEAD = "fc"
SCALED = re.compile(r"upsample_\d+|upconv\d+|act_\d+|conv_first")

Path = tuple[str, ...]
Nets = dict[str, dict[str, Any]]


def warm_start(
    source: str, state: TrainState, spec: DataSpec
) -> tuple[dict[str, dict], str]:
    """What a run begins from, and a sentence about it.

    A head of another number of classes is left out, and so is drawn as for a new run,
    as are the layers of another scale; a classifier's first convolution is adapted to
    the channels of the data. Where the source has one network from images to images
    and the run more, it is the generator (of a CycleGAN, from a to b), and the rest is
    new.

    Args:
        source: a run folder, the name of pretrained weights, or a file of them.
        state: of the run, or its eval_shape.
        spec: of its data.

    Returns:
        {net: {'params', 'stats'}} and the sentence.

    Raises:
        ValueError: nothing usable is there, or it is of another network.
    """
    found, said = _trained(source, state.nets, len(spec.mean))
    start, new = {}, []
    for name, net in state.nets.items():
        if name not in found and "generator" in found:
            new.append(name)
        elif name not in found:
            raise ValueError(
                f"init_from '{source}' has no network '{name}'; name the run of a "
                "task with the same networks."
            )
        else:
            given = f"'{source}'", f"config.{name}"
            start[name], left = _kept(found[name], net, *given)
            new += [module for module in left if module != HEAD]
            if HEAD in left:
                said.append("a new head in place of its own")
    if new:
        said.append(f"new: {', '.join(new)}")
    return start, ", ".join([f"'{source}'", *said])


def _kept(
    found: dict, net: NetState, source: str, section: str
) -> tuple[dict[str, Any], list[str]]:
    """The values that a network takes over, and the modules that stay new."""
    place = next(
        (k for k in INSIDE if k in net.params and k not in found["params"]), ""
    )
    wanted = flatten_dict({"params": net.params, "stats": net.stats})
    rest = sorted({*net.params} - {place}) if place else []
    wanted = {k: v for k, v in wanted.items() if k[_depth(k)] not in rest}
    values = {_placed(k, place): v for k, v in flatten_dict(found).items()}
    other = [
        path
        for path in {**wanted, **values}
        if getattr(values.get(path), "shape", None)
        != getattr(wanted.get(path), "shape", None)
    ]
    wrong = [p for p in other if p[-2] != HEAD and not SCALED.fullmatch(p[-2])]
    if wrong:
        named = few(("/".join(path[1:]) for path in wrong), SHOWN)
        raise ValueError(
            f"init_from {source} holds another network than {section} ({named} "
            "differ); use the model that it was trained with."
        )
    left = {path[:-1] for path in other}  # whole modules, with their biases
    kept = {path: values[path] for path in wanted if path[:-1] not in left}
    # What only the source has, such as the end of a larger scale, is nothing new.
    new = dict.fromkeys(path[-2] for path in other if path in wanted)
    return unflatten_dict(kept), [*new, *rest]


def _depth(path: Path) -> int:
    """Where in a path the modules begin: statistics are by collection first."""
    return 1 if path[0] == "params" else 2


def _placed(path: Path, place: str) -> Path:
    """A path with the module that a network is in."""
    return (*path[: _depth(path)], *filter(None, [place]), *path[_depth(path) :])


def _trained(
    source: str, names: Collection[str], channels: int
) -> tuple[Nets, list[str]]:
    """{net: {'params', 'stats'}} for so many channels, and what is to be said of it."""
    if is_run(source):
        run = load(source)
        state = run.task.prepare_eval(run.state, (), jax.random.key(0))
        if len(run.spec.mean) == channels and {*names} <= state.nets.keys():
            nets = {
                name: {"params": net.params, "stats": net.stats}
                for name, net in state.nets.items()
            }
            return nets, []
        if hasattr(run.task, "network"):
            return _alone(run.task.network(state)[1], names), []
    _, variables, about = load_pretrained(source, alike=True)
    if about.model not in CLASSIFIERS:
        return _alone(variables, names), []
    prepared = about.preprocessing
    adapted = prepared is None or prepared.channels != channels
    if adapted:
        _, variables, _ = load_pretrained(source, in_channels=channels)
    said = [f"its first convolution adapted to {channels} channels"] * adapted
    return {"model": _split(variables)}, said


def _alone(variables: dict[str, Any], names: Collection[str]) -> Nets:
    """One network as the one of a task that makes images of images."""
    return {"model" if "model" in names else "generator": _split(variables)}


def _split(variables: dict[str, Any]) -> dict[str, Any]:
    stats = {name: value for name, value in variables.items() if name != "params"}
    return {"params": variables["params"], "stats": stats}
