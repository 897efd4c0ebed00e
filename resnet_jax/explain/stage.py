"""The rest of a network as a function of what one of its stages put out."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Literal

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
    are traced into one list of operations, in which the stage's output is a variable
    that can be moved.

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
    moved, logits = traced.jaxpr.outvars

    def class_logits(change):
        values = dict(zip(traced.jaxpr.constvars, traced.consts, strict=True))
        values |= {traced.jaxpr.invars[0]: images}

        def read(atom):
            return atom.val if isinstance(atom, Literal) else values[atom]

        for step in traced.jaxpr.eqns:
            functions, params = step.primitive.get_bind_params(step.params)
            inputs = map(read, step.invars)
            results = step.primitive.bind(*functions, *inputs, **params)
            results = results if step.primitive.multiple_results else [results]
            for variable, result in zip(step.outvars, results, strict=True):
                values[variable] = result + change if variable is moved else result
        return of_class(read(logits), label).sum(), read(moved)

    change = jnp.zeros(moved.aval.shape, moved.aval.dtype)
    gradient, maps = jax.grad(class_logits, has_aux=True)(change)
    return maps, gradient
