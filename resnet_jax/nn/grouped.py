"""Convolutions of groups of channels as matrix products, for CPUs.

XLA's programs for narrow groups are slow, the one for the gradient by their kernel by
hundreds of times. Some groups at a time, of 16 channels together, are one product, with
zeros where one group meets another; the loop over them keeps programs short.
"""

import math

import jax
import jax.numpy as jnp

from resnet_jax.nn.columns import Pair, columns, padded
from resnet_jax.nn.precision import at_least_float32
from resnet_jax.nn.winograd import near_divisor

# Channels that are computed together, and bytes of the matrix of their pixels.
TOGETHER, CHUNK = 16, 3 * 2**20


def grouped_output(
    x: jax.Array,
    kernel: jax.Array,
    strides: Pair,
    padding: tuple[Pair, Pair],
    spread: Pair,
    dilation: Pair,
    groups: int,
) -> jax.Array:
    """The convolution, [B, H, W, C] -> [B, H', W', features].

    Args:
        x: [B, H, W, C].
        kernel: [height, width, C / groups, features].
        strides, padding, dilation: of the convolution.
        spread: pixels of x are so far apart, with zeros between them.
        groups: of channels.
    """
    high, wide, channels, features = kernel.shape
    size, blocks = (high, wide), groups // _together(groups, channels)
    matrices = _matrices(kernel, groups, blocks)
    x = padded(x, padding, spread)
    shape = jax.eval_shape(lambda x: columns(x, size, strides, dilation), x).shape
    images, width = _images(shape, blocks), features // blocks

    def add(turn, y):
        block, first = turn % blocks, turn // blocks * images
        part = _part(x, first, images, block, blocks)
        part = columns(part, size, strides, dilation).astype(matrices.dtype)
        part = (part @ matrices[block]).astype(y.dtype)
        return jax.lax.dynamic_update_slice(y, part, (first, 0, 0, block * width))

    y = jnp.zeros((*shape[:3], features), x.dtype)
    return jax.lax.fori_loop(0, shape[0] // images * blocks, add, y)


def grouped_kernel(
    x: jax.Array,
    g: jax.Array,
    strides: Pair,
    padding: tuple[Pair, Pair],
    dilation: Pair,
    size: Pair,
    groups: int,
) -> jax.Array:
    """The gradient by kernels of this size, [height, width, C / groups, features].

    Args:
        x: [B, H, W, C].
        g: cotangent of the output, [B, H', W', features].
        strides, padding, dilation: of the convolution.
        size: height and width of the kernel.
        groups: of channels.
    """
    channels, features = (each.shape[-1] // groups for each in (x, g))
    blocks, wide = groups // _together(groups, channels), at_least_float32(x.dtype)
    x = padded(x, padding, (1, 1))
    shape = jax.eval_shape(lambda x: columns(x, size, strides, dilation), x).shape
    images = _images(shape, blocks)

    def of_block(block):
        def add(turn, total):
            a, b = (
                _part(each, turn * images, images, block, blocks) for each in (x, g)
            )
            a = columns(a, size, strides, dilation).astype(wide)
            b = b.astype(wide).reshape(-1, b.shape[-1])
            return total + a.reshape(-1, a.shape[-1]).T @ b

        total = jnp.zeros((shape[-1] // blocks, g.shape[-1] // blocks), wide)
        return jax.lax.fori_loop(0, shape[0] // images, add, total)

    y = jax.lax.map(of_block, jnp.arange(blocks))
    together = groups // blocks
    y = y.reshape(blocks, *size, together, channels, together, features)
    y = jnp.einsum("nhwacaf->hwcnaf", y)
    return y.reshape(*size, channels, groups * features).astype(x.dtype)


def grouped_pays(x: tuple[int, ...], kernel: tuple[int, ...], spread: Pair) -> bool:
    """Whether grouped_output takes less time than XLA's, as measured on 2 cores.

    Args:
        x, kernel: the shapes of images and kernel.
        spread: pixels of x are so far apart.
    """
    pixels = math.prod(x[1:3]) * math.prod(spread)
    return kernel[2] <= TOGETHER and pixels >= 32 * kernel[2]


def _together(groups: int, channels: int) -> int:
    """How many groups of so many channels are computed together."""
    most = max(1, TOGETHER // channels)
    return max(n for n in range(1, groups + 1) if groups % n == 0 and n <= most)


def _matrices(kernel: jax.Array, groups: int, blocks: int) -> jax.Array:
    """[blocks, height * width * channels, features] of kernels, and zeros."""
    *size, channels, features = kernel.shape
    together = groups // blocks
    kernel = kernel.astype(at_least_float32(kernel.dtype))
    kernel = kernel.reshape(*size, channels, blocks, together, features // groups)
    same = jnp.eye(together, dtype=kernel.dtype)
    kernel = jnp.einsum("hwcnaf,ba->nhwbcaf", kernel, same)
    return kernel.reshape(blocks, -1, features // blocks)


def _images(columns: tuple[int, ...], blocks: int) -> int:
    """How many images are computed together, of all columns of this shape."""
    batch, *rest = columns
    return near_divisor(batch, CHUNK / (4 * math.prod(rest) / blocks))


def _part(x: jax.Array, first: jax.Array, images: int, block: jax.Array, blocks: int):
    """The channels of a block, of some images."""
    width = x.shape[-1] // blocks
    sizes = (images, *x.shape[1:3], width)
    return jax.lax.dynamic_slice(x, (first, 0, 0, block * width), sizes)
