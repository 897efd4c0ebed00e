"""A run is data: a step number and named networks."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import Array

from resnet_jax.averaging import average
from resnet_jax.gradient import accumulate
from resnet_jax.optim import Optimizer, check_freeze, hold
from resnet_jax.sharding import at_rest, in_use, shared

PyTree = Any


@flax.struct.dataclass
class NetState:
    """What one optimizer owns.

    Attributes:
        params: trained.
        stats: what forward passes write, by collection ('batch_stats', 'spectral');
            {} if nothing.
        opt_state: the optimizer's.
        ema: None, or {'params', 'stats'}: their exponential moving average.
    """

    params: PyTree
    stats: PyTree
    opt_state: optax.OptState
    ema: PyTree | None = None


@flax.struct.dataclass
class TrainState:
    """All that a run must restore.

    Attributes:
        step: int32 scalar, steps completed.
        nets: {'model'}, or {'generator', 'discriminator'}, ...
        memory: task-owned arrays, such as an image pool or an augmentation strength.
        frozen: networks that help and are never trained nor saved.
    """

    step: Array
    nets: dict[str, NetState]
    memory: PyTree = None
    frozen: PyTree = None


def init_net(
    variables: Mapping,
    optimizer: Optimizer,
    *,
    ema: bool = False,
    start: Mapping | None = None,
) -> NetState:
    """A network's state at step 0.

    Args:
        variables: what the module's init returned.
        optimizer: what will update the params.
        ema: whether to keep a moving average.
        start: {'params', 'stats'} to begin from; what is not in it is drawn.

    Raises:
        ValueError: the optimizer is to freeze what the network does not have.
    """
    stats = {key: value for key, value in variables.items() if key != "params"}
    drawn = flatten_dict({"params": variables["params"], "stats": stats}, True)
    values = unflatten_dict({**drawn, **flatten_dict(start or {})})
    # Copies: the average and the weights are donated buffers, and must not be one.
    average = jax.tree.map(jnp.copy, values) if ema else None
    check_freeze(optimizer.freeze, values["params"], *values["stats"].values())
    opt_state = optimizer.tx.init(values["params"])
    return NetState(values["params"], values["stats"], opt_state, average)


def descend(
    loss_fn: Callable,
    net: NetState,
    optimizer: Optimizer,
    batch: PyTree,
    key: Array,
    *,
    hyper: Mapping[str, Array],
    ema_decay: float | Array = 0.0,
    microbatches: int = 1,
    axis_name: str | None = None,
) -> tuple[NetState, dict[str, Array]]:
    """One optimizer update: gradient, mean over devices, update, moving average.

    Args:
        loss_fn: (params, stats, batch, key) -> loss, (new stats, {name: scalar}).
        net: the network to update.
        optimizer: its tx, and the patterns it holds still.
        batch: arrays [B, ...]; microbatch i gets rows i, i + microbatches, ...
        key: microbatch i gets fold_in(key, i).
        hyper: values for the hyperparameters in the optimizer's state.
        ema_decay: d in ema = d * ema + (1 - d) * new; used where net.ema is kept.
        microbatches: parts over which the gradient is accumulated; divides B, under
            pmap each device's share of it.
        axis_name: the device axis under pmap.

    Returns:
        The network after the update, and the scalars of loss_fn (means over
        microbatches and devices) with 'loss' and 'gradient_norm' (before clipping).
    """
    grads, stats, scalars = accumulate(
        loss_fn, net.params, net.stats, batch, key, microbatches
    )
    if axis_name is not None:
        grads, stats, scalars = jax.lax.pmean((grads, stats, scalars), axis_name)
    # Where weights are split, each device updates its own share of them.
    net, grads = at_rest(net), shared(grads)
    scalars["gradient_norm"] = optax.tree.norm(grads)
    # A schedule's float32 must not change the type of a float64 state.
    opt_state = jax.tree.map(
        lambda new, old: jnp.asarray(new, old.dtype),
        optax.tree.set(net.opt_state, **hyper),
        net.opt_state,
    )
    updates, opt_state = optimizer.tx.update(grads, opt_state, net.params)
    params = optax.apply_updates(net.params, updates)
    if optimizer.freeze:
        params = hold(optimizer.freeze, net.params, params)
        stats = {
            name: hold(optimizer.freeze, net.stats[name], new)
            for name, new in stats.items()
        }
    ema = net.ema
    if ema is not None:
        ema = average(ema, {"params": params, "stats": stats}, ema_decay)
    return in_use(NetState(params, stats, opt_state, ema)), scalars
