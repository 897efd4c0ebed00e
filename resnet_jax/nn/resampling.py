"""Pooling, with PyTorch's padding."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.nn.precision import at_least_float32


def max_pool(
    x: jax.Array, window: int, strides: int | None = None, padding: int = 0
) -> jax.Array:
    """Largest value of each window, [B, H, W, C] -> [B, H', W', C].

    `padding` rows and columns of minus infinity are added on every side, as PyTorch
    does; 'SAME' would pad a 3x3 window of stride 2 on the far side only.
    """
    steps = window if strides is None else strides
    margin = (padding, padding)
    return nn.max_pool(x, (window, window), (steps, steps), (margin, margin))


def avg_pool(x: jax.Array, window: int, strides: int | None = None) -> jax.Array:
    """Mean of each window that fits, [B, H, W, C] -> [B, H', W', C]."""
    steps = window if strides is None else strides
    return nn.avg_pool(x, (window, window), (steps, steps))


def global_avg_pool(x: jax.Array) -> jax.Array:
    """Mean over all positions, [B, H, W, C] -> [B, C], in at least float32."""
    return jnp.mean(x, (1, 2), dtype=at_least_float32(x.dtype))
