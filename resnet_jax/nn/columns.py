"""The pixels under a kernel, side by side."""

import jax
import jax.numpy as jnp

Pair = tuple[int, int]


def columns(x: jax.Array, size: Pair, strides: Pair, dilation: Pair) -> jax.Array:
    """[B, H, W, C] -> [B, H', W', height * width * C], without padding.

    Args:
        x: images.
        size, strides, dilation: of the kernel, by height and width.
    """
    last = [
        length - (number - 1) * gap - 1
        for length, number, gap in zip(x.shape[1:3], size, dilation, strict=True)
    ]
    places = [
        x[:, i : i + last[0] + 1 : strides[0], j : j + last[1] + 1 : strides[1]]
        for i in range(0, size[0] * dilation[0], dilation[0])
        for j in range(0, size[1] * dilation[1], dilation[1])
    ]
    return jnp.concatenate(places, -1)


def padded(x: jax.Array, padding: tuple[Pair, Pair], spread: Pair) -> jax.Array:
    """[B, H, W, C] with zeros around images, and between pixels that are apart.

    Args:
        x: images.
        padding: (before, after) for height and width.
        spread: pixels are so far apart afterwards.
    """
    margins = [(*pads, gap - 1) for pads, gap in zip(padding, spread, strict=True)]
    return jax.lax.pad(x, x.dtype.type(0), [(0, 0, 0), *margins, (0, 0, 0)])
