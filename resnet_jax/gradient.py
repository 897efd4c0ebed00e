"""Gradients accumulated over parts of a batch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.scan import scan


def accumulate(
    loss_fn: Callable,
    params: Any,
    stats: Any,
    batch: Any,
    key: Array,
    microbatches: int,
) -> tuple[Any, Any, dict[str, Array]]:
    """The gradient of a batch, taken in parts that fit into memory.

    Args:
        loss_fn: (params, stats, batch, key) -> loss, (new stats, {name: scalar}).
        params: what the gradient is taken of.
        stats: handed from part to part.
        batch: arrays [B, ...]; part i gets rows i, i + microbatches, ...
        key: part i gets fold_in(key, i).
        microbatches: the number of parts; divides B.

    Returns:
        Mean gradient, last stats, mean scalars with 'loss'.

    Raises:
        ValueError: microbatches does not divide B.
    """
    rows = jax.tree.leaves(batch)[0].shape[0]
    if microbatches < 1 or rows % microbatches:
        raise ValueError(
            f"task.microbatches is {microbatches} and a device group has {rows} "
            "examples; choose a divisor of them."
        )
    gradient = jax.value_and_grad(loss_fn, has_aux=True)

    def part(stats, index, rows):
        part_key = jax.random.fold_in(key, index)
        (loss, (stats, scalars)), grads = gradient(params, stats, rows, part_key)
        return stats, (grads, {**scalars, "loss": loss})

    if microbatches == 1:
        stats, (grads, scalars) = part(stats, 0, batch)
        return grads, stats, scalars
    parts = jax.tree.map(
        lambda x: x.reshape(-1, microbatches, *x.shape[1:]).swapaxes(0, 1), batch
    )

    def add(carry, index_and_rows):
        stats, sums = carry
        stats, new = part(stats, *index_and_rows)
        return (stats, jax.tree.map(jnp.add, sums, new)), None

    first = jax.tree.map(lambda x: x[0], parts)
    rest = jnp.arange(1, microbatches), jax.tree.map(lambda x: x[1:], parts)
    carry, _ = scan(add, part(stats, 0, first), rest)
    stats, sums = carry
    grads, scalars = jax.tree.map(lambda x: x / microbatches, sums)
    return grads, stats, scalars
