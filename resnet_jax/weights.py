"""Weights that a run begins from: of another run, a published name, or a file."""

import jax
from flax.traverse_util import flatten_dict, unflatten_dict

from resnet_jax.files import is_run
from resnet_jax.pretrained import from_pretrained
from resnet_jax.run import load
from resnet_jax.spec import DataSpec
from resnet_jax.state import TrainState

SHOWN = 3


def warm_start(
    source: str, state: TrainState, spec: DataSpec
) -> tuple[dict[str, dict], str]:
    """What a run begins from, and a sentence about it.

    A head of another number of classes is left out, and so is drawn as for a new run;
    the first convolution is adapted to the channels of the data. A generator may begin
    from a network that was trained by its error alone, as SRGAN's and ESRGAN's do; its
    discriminator is then drawn.

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
    start, nets = {}, dict(state.nets)
    if found.keys() == {"model"} and "generator" in nets:
        found = {"generator": found["model"]}
        nets = {"generator": nets["generator"]}
        said.append("the generator alone")
    for name, net in nets.items():
        if name not in found:
            raise ValueError(
                f"init_from '{source}' has no network '{name}'; name the run of a "
                "task with the same networks."
            )
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
                f"init_from '{source}' holds another network than config.{name} "
                f"({named} differ); use the {name} that it was trained with."
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
