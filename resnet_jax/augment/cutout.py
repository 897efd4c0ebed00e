"""A rectangle of an image is zero."""

import jax.numpy as jnp
from jax import Array


def cut_out(
    images: Array, top: Array, left: Array, height: float, width: float
) -> Array:
    """Zero where a pixel's index lies in [top, top + height) and [left, left + width).

    Args:
        images: [B, H, W, C].
        top, left: of each image's rectangle, [B, 1, 1, 1], in pixels; it may hang over.
        height, width: of the rectangles, in pixels.
    """
    y = jnp.arange(images.shape[1])[:, None, None]
    x = jnp.arange(images.shape[2])[:, None]
    rows = (y >= top) & (y < top + height)
    columns = (x >= left) & (x < left + width)
    return jnp.where(rows & columns, 0, images)
