"""Optimizers and schedules, built apart: a schedule knows the step, a tx its values.

What a schedule counts is the task's: completed steps, or for a GAN images seen. The
names below speak of steps.
"""

import dataclasses
import fnmatch
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from resnet_jax.lookup import build, check_arguments, section_fields, suggest
from resnet_jax.muon import muon

Schedule = Callable[[jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """What updates one network's params.

    Attributes:
        tx: the transformation; the hyperparameters in its state are overwritten by
            `hyper` before each update, so its own count serves bias correction only,
            and Muon's groups whose rate is none of the schedule's (muon.Group.steps).
        schedule: completed steps -> learning rate.
        freeze: fnmatch patterns of '/'-joined module paths that are held still, with
            their statistics: ('layer1*', 'bn1').
        b2_schedule: completed steps -> b2, where Adam's is not constant.
    """

    tx: optax.GradientTransformation
    schedule: Schedule
    freeze: tuple[str, ...] = ()
    b2_schedule: Schedule | None = None

    def hyper(self, step: jax.Array) -> dict[str, jax.Array]:
        """The hyperparameters of the update after `step` completed steps."""
        values = {"learning_rate": self.schedule(step)}
        if self.b2_schedule is not None:
            values["b2"] = self.b2_schedule(step)
        return values


def constant(*, base: float) -> Schedule:
    """The same value at every step."""
    return optax.constant_schedule(base)


def cosine(*, base: float, total_steps: int, end: float = 0.0) -> Schedule:
    """Half a cosine from base to end. Loshchilov and Hutter 2016, arXiv:1608.03983."""
    falling = optax.cosine_decay_schedule(1.0, total_steps)
    return lambda count: end + (base - end) * falling(count)


def linear(
    *, base: float, total_steps: int, end: float = 0.0, hold: int = 0
) -> Schedule:
    """A straight line from base to end, after `hold` steps in which it stays."""
    if not 0 <= hold < total_steps:
        raise ValueError(
            f"schedule hold is {hold} steps; expected 0 to {total_steps - 1} (fewer "
            "than those of the run that remain)."
        )
    return optax.linear_schedule(base, end, total_steps - hold, hold)


def poly(
    *, base: float, total_steps: int, end: float = 0.0, power: float = 2.0
) -> Schedule:
    """end + (base - end) (1 - step / total_steps)^power: MLPerf's for LARS."""
    return optax.polynomial_schedule(base, end, power, total_steps)


def step(*, base: float, boundaries: Sequence[int], factor: float = 0.1) -> Schedule:
    """Multiplied by factor once `boundaries` steps are completed, at each of them."""
    return optax.piecewise_constant_schedule(base, dict.fromkeys(boundaries, factor))


def piecewise(*, values: Sequence[float], boundaries: Sequence[int]) -> Schedule:
    """values[i] between boundaries[i - 1] and boundaries[i] completed steps."""
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"schedule 'piecewise' has {len(values)} values and {len(boundaries)} "
            "boundaries; give one value more than boundaries."
        )
    return optax.join_schedules([constant(base=v) for v in values], list(boundaries))


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "poly": poly,
    "step": step,
    "piecewise": piecewise,
}
# Schedules that end with the run; the others are the same whatever its length.
_NEEDS_TOTAL = ("cosine", "linear", "poly")


def create_schedule(section: Mapping | float, total_steps: int) -> Schedule:
    """The schedule of a config section, after a linear warm-up where it asks for one.

    `warmup` is a number of steps, over which the value rises from `warmup_start`
    times its base; the rest of the schedule runs on the steps that remain. Step and
    piecewise boundaries count from the run's first step all the same. `over` is a
    number of steps after which a schedule has come to its end, and stays there; without
    it that is the end of the run.

    Args:
        section: a name in SCHEDULES with its arguments, or a number that stays.
        total_steps: the length of the run.

    Raises:
        ValueError: a name or value is unknown or out of range.
    """
    if isinstance(section, int | float):
        section = {"name": "constant", "base": section}
    fields = section_fields(section, "schedule")
    check_arguments(_schedule, fields, "schedule", given=("total_steps",))
    return _schedule(total_steps=total_steps, **fields)


def _schedule(
    *,
    total_steps: int,
    over: int | None = None,
    warmup: int = 0,
    warmup_start: float = 0.0,
    **section,
) -> Schedule:
    ends = section.get("name") in _NEEDS_TOTAL
    if over is not None:
        if over < 1:
            raise ValueError(f"schedule over is {over}; expected at least 1.")
        if not ends:
            raise ValueError(
                f"schedule '{section.get('name')}' takes no over; only "
                f"{', '.join(_NEEDS_TOTAL)} come to an end."
            )
        total_steps = over
    if not 0 <= warmup < max(total_steps, 1):
        raise ValueError(
            f"schedule warmup is {warmup} steps; expected 0 to {total_steps - 1} "
            f"(fewer than {'total_steps' if over is None else 'over'})."
        )
    boundaries = list(section.get("boundaries", ()))
    if boundaries != sorted(set(boundaries)):
        raise ValueError(
            f"schedule boundaries are {boundaries}; expected them to rise."
        )
    given = {"total_steps": total_steps - warmup} if ends else {}
    schedule = build(SCHEDULES, section, "schedule", **given)
    if (base := section.get("base", 0)) < 0:
        raise ValueError(f"schedule base is {base}; expected 0 or more.")
    if not warmup:
        return schedule
    shifted = schedule if ends else lambda count: schedule(count + warmup)
    peak = schedule(0)
    rise = optax.linear_schedule(warmup_start * peak, peak, warmup)
    return optax.join_schedules([rise, shifted], [warmup])


def sgd(
    learning_rate, momentum=0.0, nesterov=False, weight_decay=0.0, mask=None
) -> optax.GradientTransformation:
    """PyTorch's SGD: L2 added to the gradient, then momentum, then the rate."""
    return optax.chain(
        optax.add_decayed_weights(weight_decay, mask),
        optax.sgd(learning_rate, momentum or None, nesterov),
    )


def adam(
    learning_rate, b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.0, mask=None
) -> optax.GradientTransformation:
    """Adam with L2 added to the gradient. Kingma and Ba 2014, arXiv:1412.6980."""
    return optax.chain(
        optax.add_decayed_weights(weight_decay, mask),
        optax.adam(learning_rate, b1, b2, eps),
    )


def adamw(
    learning_rate, b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.01, mask=None
) -> optax.GradientTransformation:
    """Adam with decoupled decay. Loshchilov and Hutter 2017, arXiv:1711.05101."""
    return optax.adamw(learning_rate, b1, b2, eps, weight_decay=weight_decay, mask=mask)


def lamb(
    learning_rate, b1=0.9, b2=0.999, eps=1e-6, weight_decay=0.0, mask=None
) -> optax.GradientTransformation:
    """Layer-wise scaled Adam. You et al. 2019, arXiv:1904.00962.

    What the mask leaves out of weight decay also leaves the trust ratio alone, as in
    timm 1.0.31 (which clips gradients to a global norm of 1 besides: clip_norm).
    """
    ratio = optax.scale_by_trust_ratio()
    return optax.chain(
        optax.scale_by_adam(b1, b2, eps),
        optax.add_decayed_weights(weight_decay, mask),
        ratio if mask is None else optax.masked(ratio, mask),
        optax.scale_by_learning_rate(learning_rate),
    )


def lars(
    learning_rate,
    momentum=0.9,
    nesterov=False,
    weight_decay=0.0,
    trust_coefficient=0.001,
    mask=None,
) -> optax.GradientTransformation:
    """Layer-wise scaled momentum. You et al. 2017, arXiv:1708.03888, equation 6.

    The rate of a layer is trust_coefficient * |w| / (|g| + weight_decay * |w|) of the
    global one; the paper's and MLPerf's sum of norms, where optax takes the norm of the
    sum. What the mask leaves out of weight decay is left out of that, too.
    """

    def layer(g, w):
        size, slope = jnp.linalg.norm(w), jnp.linalg.norm(g)
        rate = trust_coefficient * size / (slope + weight_decay * size)
        rate = jnp.where((size > 0) & (slope > 0), rate, 1.0)
        return (rate * (g + weight_decay * w)).astype(g.dtype)

    scaled = optax.stateless(
        lambda updates, params: jax.tree.map(layer, updates, params)
    )
    return optax.chain(
        scaled if mask is None else optax.masked(scaled, mask),
        optax.scale_by_learning_rate(learning_rate),
        optax.trace(momentum, nesterov),
    )


OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adamw,
    "lamb": lamb,
    "lars": lars,
    "muon": muon,
}
# The hyperparameters that a schedule may drive.
_TRACED = ("learning_rate", "b2")


def kernels(params):
    """A mask over params that leaves out biases and the scales of norms."""
    return jax.tree.map(lambda p: p.ndim > 1, params)


def not_norms(params):
    """A mask over params that leaves out the scales and offsets of norms only."""
    scaled = {
        path[:-1]
        for path, _ in jax.tree_util.tree_leaves_with_path(params)
        if path[-1].key == "scale"
    }
    return jax.tree_util.tree_map_with_path(
        lambda path, _: path[:-1] not in scaled, params
    )


# What weight decay is for; no mask is all params.
DECAYS: dict[str, Callable | None] = {
    "kernels": kernels,
    "not_norms": not_norms,
    "all": None,
}


def create_optimizer(section: Mapping, total_steps: int) -> Optimizer:
    """The optimizer of a config section.

    Args:
        section: a name in OPTIMIZERS with its arguments, and `schedule` (a section,
            or a number that stays),
            `clip_norm` (global gradient norm; None: unclipped), `decay` ('kernels':
            no weight decay on biases and norms, 'not_norms': on biases of other
            layers, 'all'), `freeze` (patterns), `b2_schedule` (a section, for Adam and
            its kin: R3GAN's rises from 0.9 to 0.99).
        total_steps: the length of the run, for the schedules that end with it.

    Raises:
        ValueError: a name or value is unknown or out of range.
    """
    fields = section_fields(section, "optim")
    check_arguments(_optimizer, fields, "optim", given=("total_steps",))
    return _optimizer(total_steps=total_steps, **fields)


def _optimizer(
    *,
    total_steps: int,
    schedule: Mapping | float,
    b2_schedule: Mapping | float | None = None,
    clip_norm: float | None = None,
    decay: str = "kernels",
    freeze: Sequence[str] = (),
    **section,
) -> Optimizer:
    if clip_norm is not None and clip_norm <= 0:
        raise ValueError(
            f"optim.clip_norm is {clip_norm}; expected more than 0, or none."
        )
    if decay not in DECAYS:
        raise ValueError(f"optim.decay is '{decay}'. {suggest(decay, DECAYS)}")
    mask = DECAYS[decay]
    tx = build(_INJECTED, section, "optimizer", learning_rate=0.0, mask=mask)
    if clip_norm is not None:
        tx = optax.chain(optax.clip_by_global_norm(clip_norm), tx)
    rate = create_schedule(schedule, total_steps)
    optimizer = Optimizer(tx, rate, tuple(freeze))
    if b2_schedule is None:
        return optimizer
    b2 = _b2_schedule(b2_schedule, total_steps, section)
    return dataclasses.replace(optimizer, b2_schedule=b2)


def _b2_schedule(
    given: Mapping | float, total_steps: int, section: Mapping
) -> Schedule:
    name = section["name"]
    takers = [
        n for n, f in OPTIMIZERS.items() if "b2" in inspect.signature(f).parameters
    ]
    if name not in takers:
        raise ValueError(
            f"optim.b2_schedule: '{name}' has no b2; {', '.join(takers)} have."
        )
    if "b2" in section:
        raise ValueError("optim has b2 and b2_schedule; give one of them.")
    schedule = create_schedule(given, total_steps)
    # As floats: images seen may be more than 32 bits count.
    start, end = (float(schedule(jnp.float32(n))) for n in (0, total_steps))
    if not 0 <= min(start, end) <= max(start, end) < 1:
        raise ValueError(
            f"optim.b2_schedule goes from {start:g} to {end:g}; expected values from 0 "
            "to below 1."
        )
    return schedule


def _inject(factory):
    fixed = [n for n in inspect.signature(factory).parameters if n not in _TRACED]
    return optax.inject_hyperparams(factory, static_args=fixed)


_INJECTED = {name: _inject(factory) for name, factory in OPTIMIZERS.items()}


def hold(patterns: tuple[str, ...], old: Any, new: Any) -> Any:
    """The new tree, with the old leaves where a pattern matches.

    A pattern is matched against the '/'-joined path of a leaf and of each module
    above it: 'layer1*' holds every leaf under layer1_0, layer1_1, ...
    """

    def choose(path, old, new):
        return old if matches(patterns, path) else new

    return jax.tree_util.tree_map_with_path(choose, old, new)


def check_freeze(patterns: tuple[str, ...], *trees: Any) -> None:
    """Raises ValueError where a pattern names nothing of a network's trees."""
    leaves = map(jax.tree_util.tree_leaves_with_path, trees)
    paths = [path for tree in leaves for path, _ in tree]
    for pattern in patterns:
        if not any(matches((pattern,), path) for path in paths):
            raise ValueError(
                f"optim.freeze: '{pattern}' names nothing of the network. "
                f"{suggest(pattern, {str(path[0].key) for path in paths})}"
            )


def matches(patterns: tuple[str, ...], path: tuple) -> bool:
    """Whether a pattern names this leaf or a module that it lies in."""
    names = [str(p.key) for p in path]
    heads = ["/".join(names[: i + 1]) for i in range(len(names))]
    return any(fnmatch.fnmatchcase(h, p) for h in heads for p in patterns)
