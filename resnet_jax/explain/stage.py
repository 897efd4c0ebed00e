"""The rest of a network as a function of what one of its stages put out."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from resnet_jax.explain.target import of_class


@partial(jax.jit, static_argnames=("model", "stage"))
def stage_gradient(
    model: nn.Module,
    variables: Any,
    images: Array,
    label: Array | None = None,
    *,
    stage: int = -1,
) -> tuple[Array, Array]:
    """A stage's output A, and the gradient of the logit of a class with respect to it.

    Nothing is asked of the model but `features(x)` and `head(features(x)[-1])`: both
    are traced into one list of operations, which is cut after the one that makes the
    stage's output.

    Args:
        model: a classifier with the methods `features` and `head`.
        variables: its params and statistics.
        images: [B, H, W, C] in model units.
        label: int [B], the class of each image; None for the most probable.
        stage: an index into `features`; -1 for the last.

    Returns:
        A and d logit / d A, both [B, h, w, channels].
    """

    def forward(x):
        def outputs(module, x):
            stages = module.features(x)
            return stages[stage], module.head(stages[-1])

        return model.apply(variables, x, method=outputs)

    traced = jax.make_jaxpr(forward)(images)
    front, back, live = _cut(traced.jaxpr)
    values = jaxpr_as_fun(ClosedJaxpr(front, traced.consts))(images)
    cut = live.index(traced.jaxpr.outvars[0])

    def class_logits(maps):
        inputs = [*values[:cut], maps, *values[cut + 1 :]]
        (logits,) = jaxpr_as_fun(ClosedJaxpr(back, ()))(*inputs)
        return of_class(logits, label).sum()

    return values[cut], jax.grad(class_logits)(values[cut])


def _cut(jaxpr: Any) -> tuple[Any, Any, list]:
    """Operations with results (a, b), before and after a; what goes between them."""
    made, logits = jaxpr.outvars
    steps = jaxpr.eqns
    end = 1 + max((i for i, s in enumerate(steps) if made in s.outvars), default=-1)
    inputs = (v for step in steps[end:] for v in step.invars)
    needed = {v for v in inputs if not isinstance(v, Literal)} | {made, logits}
    known = [*jaxpr.constvars, *jaxpr.invars]
    known += [v for step in steps[:end] for v in step.outvars]
    live = [v for v in known if v in needed]
    front = jaxpr.replace(eqns=steps[:end], outvars=live)
    back = jaxpr.replace(constvars=[], invars=live, eqns=steps[end:], outvars=[logits])
    return front, back, live
