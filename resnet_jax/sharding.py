"""Which part of a state lies where: the rule of run.parallel='fsdp'."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

DATA, FSDP = "data", "fsdp"

# Fields of a state whose arrays are split; all others are whole on every device.
SPLIT = ("params", "opt_state", "ema", "frozen")

# Smaller arrays stay whole: a message is worth more, and all of them are little.
LEAST = 64


class Shards(NamedTuple):
    """What an optimizer owns in a step where weights are split.

    Attributes:
        params: as they lie between steps; those of the network itself are whole.
        opt_state: the optimizer's.
    """

    params: Any
    opt_state: Any


def leaf_spec(shape: tuple[int, ...], parts: int) -> P:
    """How an array is split into parts: along its largest axis that they divide.

    Of equal axes the last, so that a kernel is split by its outputs. What no axis
    divides, and what has fewer than LEAST elements, stays whole.
    """
    fitting = [axis for axis, size in enumerate(shape) if size % parts == 0]
    if parts == 1 or not fitting or math.prod(shape) < LEAST:
        return P()
    axis = max(fitting, key=lambda axis: (shape[axis], axis))
    return P(*(None,) * axis, FSDP)


def layout(state: Any, mesh: Mesh) -> Any:
    """Where each array of a state lies between steps.

    Args:
        state: arrays or their shapes; any tree with the fields of SPLIT.
        mesh: weights are split over its axis 'fsdp', where it has one.

    Returns:
        The same tree of NamedSharding.
    """
    return _placed(
        state, mesh.shape.get(FSDP, 1), lambda spec: NamedSharding(mesh, spec)
    )


def bytes_of(state: Any, mesh: Mesh | None = None) -> int:
    """Bytes of a tree of arrays or shapes; with a mesh, those that one device keeps."""
    leaves = jax.tree.leaves(state)
    shapes = [x.shape for x in leaves]
    if mesh is not None:
        places = jax.tree.leaves(layout(state, mesh))
        shapes = [p.shard_shape(s) for p, s in zip(places, shapes, strict=True)]
    return sum(
        math.prod(shape) * x.dtype.itemsize
        for shape, x in zip(shapes, leaves, strict=True)
    )


def begin_step(state: Any) -> Any:
    """A TrainState as its task sees it: every weight is whole on every device."""
    nets = {name: in_use(net) for name, net in state.nets.items()}
    return dataclasses.replace(state, nets=nets, frozen=_whole(state.frozen))


def end_step(state: Any) -> Any:
    """A TrainState as it lies between steps, after begin_step and the task's own."""
    nets = {name: at_rest(net) for name, net in state.nets.items()}
    return _constrained(dataclasses.replace(state, nets=nets))


def in_use(net: Any) -> Any:
    """A NetState whose weights are gathered; what its optimizer owns stays split."""
    if not _parts():
        return net
    shards = Shards(net.params, net.opt_state)
    return dataclasses.replace(net, params=_whole(net.params), opt_state=shards)


def at_rest(net: Any) -> Any:
    """A NetState with its split weights again: in_use undone."""
    if not isinstance(net.opt_state, Shards):
        return net
    params, opt_state = net.opt_state
    return dataclasses.replace(net, params=params, opt_state=opt_state)


def shared(grads: Any) -> Any:
    """Gradients split as the weights are: each device gets the sum of its part."""
    # Sums are asked for before their parts: otherwise XLA splits what makes them, too,
    # and statistics and the examples of an embedding travel.
    return _constrained(Shards(_whole(grads), None)).params


def _parts() -> int:
    """Devices that share the weights, inside a step of 'fsdp'; 0 elsewhere."""
    return jax.sharding.get_abstract_mesh().shape.get(FSDP, 0)


def _whole(tree: Any) -> Any:
    """On every device, inside a step."""
    if not _parts():
        return tree
    return jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, P()), tree)


def _constrained(tree: Any) -> Any:
    """Split by the rule, inside a step."""
    if not (parts := _parts()):
        return tree
    specs = _placed(tree, parts, lambda spec: spec)
    return jax.tree.map(jax.lax.with_sharding_constraint, tree, specs)


def _placed(tree: Any, parts: int, place) -> Any:
    def at(path, x):
        split = any(getattr(key, "name", None) in SPLIT for key in path)
        return place(leaf_spec(x.shape, parts) if split else P())

    return jax.tree_util.tree_map_with_path(at, tree)
