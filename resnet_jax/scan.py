"""Steps one after the other inside a compiled program."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

PyTree = Any


def scan(
    body: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]], carry: PyTree, xs: PyTree
) -> tuple[PyTree, PyTree]:
    """As jax.lax.scan, but written out on CPUs.

    XLA's convolutions inside a CPU while loop are ten times slower, and
    lax.scan(unroll=True) leaves such a loop where it has one turn.

    Args:
        body: (carry, x) -> (carry, y).
        carry: what it begins with.
        xs: arrays [N, ...], N at least 1; turn i gets x[i].

    Returns:
        The last carry, and the ys as arrays [N, ...].
    """
    if jax.default_backend() != "cpu":
        return jax.lax.scan(body, carry, xs)
    each = []
    for turn in range(len(jax.tree.leaves(xs)[0])):
        carry, y = body(carry, jax.tree.map(lambda x, i=turn: x[i], xs))
        each.append(y)
    return carry, jax.tree.map(lambda *ys: jnp.stack(ys), *each)
