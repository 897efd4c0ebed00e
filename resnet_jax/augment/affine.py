"""Affine maps of the plane as matrices [B, 3, 3] of homogeneous coordinates (x, y)."""

import jax.numpy as jnp
from jax import Array
from jax.lax import Precision


def scaling(x: Array, y: Array) -> Array:
    """Of x and y by factors [B]."""
    zero = jnp.zeros_like(x)
    return _matrix((x, zero, zero), (zero, y, zero))


def rotation(angle: Array) -> Array:
    """By angles [B] in radians, from x towards y."""
    cos, sin, zero = jnp.cos(angle), jnp.sin(angle), jnp.zeros_like(angle)
    return _matrix((cos, -sin, zero), (sin, cos, zero))


def translation(x: Array, y: Array) -> Array:
    """By x and y, [B]."""
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    return _matrix((one, zero, x), (zero, one, y))


def compose(first: Array, *others: Array) -> Array:
    """Their product from left to right: the last is applied first."""
    for other in others:
        # The default of accelerators would move pixels by tenths.
        first = jnp.matmul(first, other, precision=Precision.HIGHEST)
    return first


def _matrix(*rows: tuple[Array, Array, Array]) -> Array:
    zero = jnp.zeros_like(rows[0][0])
    rows = (*rows, (zero, zero, zero + 1))
    return jnp.stack([jnp.stack(row, -1) for row in rows], -2)
