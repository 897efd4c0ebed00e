"""What training drops at random: values, whole branches, squares of a feature map."""

import jax
import jax.numpy as jnp
from jax import lax


def dropout(key: jax.Array, x: jax.Array, rate: float) -> jax.Array:
    """Sets values of x to zero with probability `rate`, in [0, 1).

    Srivastava et al. 2014, JMLR 15; what is kept is divided by 1 - rate.
    """
    kept = jax.random.bernoulli(key, 1 - rate, x.shape)
    return x * (kept / (1 - rate)).astype(x.dtype)


def drop_path(key: jax.Array, x: jax.Array, rate: float | jax.Array) -> jax.Array:
    """Sets whole examples of x [B, ...] to zero with probability `rate`, in [0, 1).

    Stochastic depth: Huang et al. 2016, arXiv:1603.09382, section 3, where x is the
    branch of a residual block. What is kept is divided by 1 - rate, so that inference
    needs no factor.
    """
    kept = jax.random.bernoulli(key, 1 - rate, (x.shape[0], *(1,) * (x.ndim - 1)))
    return x * (kept / (1 - rate)).astype(x.dtype)


def drop_block(
    key: jax.Array, x: jax.Array, rate: float, size: int, scale: float = 1.0
) -> jax.Array:
    """Sets squares of x [B, H, W, C] to zero, in all channels.

    DropBlock: Ghiasi et al. 2018, arXiv:1810.12890, algorithm 1. As in timm squares may
    hang over the border, and the rest is scaled by the share that is left of the batch.

    Args:
        key: of the random numbers.
        x: feature maps.
        rate: the share of positions to drop, in [0, 1).
        size: side of the squares, at most that of the maps.
        scale: factor of the rate.
    """
    _, height, width, _ = x.shape
    h, w = min(size, height), min(size, width)
    centers = (height - h + 1) * (width - w + 1)
    gamma = scale * rate * height * width / (h * w) / centers
    seeds = jax.random.bernoulli(key, gamma, (*x.shape[:3], 1)).astype(jnp.float32)
    margins = ((0, 0), ((h - 1) // 2, h // 2), ((w - 1) // 2, w // 2), (0, 0))
    dropped = lax.reduce_window(seeds, 0.0, lax.max, (1, h, w, 1), (1,) * 4, margins)
    kept = 1 - dropped
    return x * (kept / jnp.maximum(kept.mean(), 1e-7)).astype(x.dtype)
