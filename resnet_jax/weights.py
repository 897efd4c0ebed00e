"""Weights that a run takes from elsewhere: another run, a published name, or a file."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jax
from flax.traverse_util import flatten_dict, unflatten_dict

from resnet_jax.checkpoint import describe_leaves
from resnet_jax.files import is_run
from resnet_jax.pretrained import from_pretrained
from resnet_jax.run import load
from resnet_jax.spec import DataSpec
from resnet_jax.state import TrainState
from resnet_jax.tasks import Classification, Teacher

SECTIONS = ("teacher",)
SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Network:
    """A trained network that helps a run and is not trained by it.

    Attributes:
        source: where it comes from.
        teacher: the network.
        variables: its params and statistics.
    """

    source: str
    teacher: Teacher
    variables: Mapping[str, Any]

    def described(self) -> dict[str, str]:
        """What a checkpoint keeps of it: source and digest."""
        leaves = json.dumps(describe_leaves(self.variables, digest=True))
        digest = hashlib.sha256(leaves.encode()).hexdigest()[:16]
        return {"source": self.source, "digest": digest}


def read_networks(config: Mapping, spec: DataSpec) -> dict[str, Network]:
    """The networks that a config's sections ask for, by section.

    Args:
        config: of the run.
        spec: of its data, whose channels the networks get.

    Raises:
        ValueError: a section has no source, or nothing usable is there.
    """
    networks = {}
    for name in SECTIONS:
        if section := config.get(name):
            if not isinstance(source := section.get("source"), str) or not source:
                raise ValueError(
                    f"{name}.source is {source!r}; expected a run folder, the name of "
                    "pretrained weights, or a file of them."
                )
            networks[name] = _network(source, name, len(spec.mean))
    return networks


def _network(source: str, name: str, channels: int) -> Network:
    if is_run(source):
        run = load(source)
        state = run.task.prepare_eval(run.state, (), jax.random.key(0))
        if not isinstance(run.task, Classification):
            raise ValueError(f"{name} '{source}' is no classifier; choose one.")
        net, model = state.nets["model"], run.task.model
        variables = {"params": net.params, **net.stats}
        mean, std = run.spec.mean, run.spec.std
    else:
        model, variables, prepared = from_pretrained(source, in_channels=channels)
        if prepared is None:
            raise ValueError(
                f"nothing says which mean and std {name} '{source}' takes; put its "
                "config.json beside it."
            )
        mean, std = prepared.mean, prepared.std
        mean, std = (x * channels if len(x) == 1 else x for x in (mean, std))
    return Network(source, Teacher(model, mean, std), variables)


def warm_start(
    source: str, state: TrainState, spec: DataSpec
) -> tuple[dict[str, dict], str]:
    """What a run begins from, and a sentence about it.

    A head of another number of classes is left out, and so is drawn as for a new run;
    the first convolution is adapted to the channels of the data.

    Args:
        source: a run folder, the name of pretrained weights, or a file of them.
        state: of the run, or its eval_shape.
        spec: of its data.

    Returns:
        {net: {'params', 'stats'}} and the sentence.

    Raises:
        ValueError: nothing usable is there, or it is of another network.
    """
    found, adapted = _trained(source, channels := len(spec.mean))
    said = [f"'{source}'"]
    if adapted:
        said.append(f"its first convolution adapted to {channels} channels")
    start = {}
    for name, net in state.nets.items():
        if name not in found:
            raise ValueError(f"init_from '{source}' has no network '{name}'.")
        values = flatten_dict(found[name])
        wanted = flatten_dict({"params": net.params, "stats": net.stats})
        other = [
            path
            for path in {**wanted, **values}
            if getattr(values.get(path), "shape", None)
            != getattr(wanted.get(path), "shape", None)
        ]
        heads = [path for path in other if _is_head(path)]
        if wrong := [path for path in other if path not in heads]:
            named = ", ".join("/".join(path[1:]) for path in wrong[:SHOWN])
            raise ValueError(
                f"init_from '{source}' holds another network than config.model "
                f"({named} differ); use the model that it was trained with."
            )
        if heads:
            said.append("a new head in place of its own")
        kept = {path: values[path] for path in wanted if path not in heads}
        start[name] = unflatten_dict(kept)
    return start, ", ".join(said)


def _trained(source: str, channels: int) -> tuple[dict[str, dict], bool]:
    """{net: {'params', 'stats'}} for so many channels, and whether it was adapted."""
    if is_run(source):
        run = load(source)
        if len(run.spec.mean) == channels:
            state = run.task.prepare_eval(run.state, (), jax.random.key(0))
            nets = {
                name: {"params": net.params, "stats": net.stats}
                for name, net in state.nets.items()
            }
            return nets, False
    _, variables, prepared = from_pretrained(source)
    adapted = prepared is None or prepared.channels != channels
    if adapted:
        _, variables, _ = from_pretrained(source, in_channels=channels)
    stats = {key: value for key, value in variables.items() if key != "params"}
    return {"model": {"params": variables["params"], "stats": stats}}, adapted


def _is_head(path: tuple[str, ...]) -> bool:
    return path[-2] == "fc"
