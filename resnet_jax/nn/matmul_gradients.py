"""Gradients of convolutions as matrix products, for CPUs.

XLA computes a gradient by a kernel as a convolution that has images for kernels, and
has to turn both into its layout first: much of the time where kernels are small or have
few features. A gradient by images is one with the kernel turned, of pixels far apart
where the convolution has strides: much of it multiplies zeros.
"""

import math
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.nn.winograd import near_divisor

# Bytes of the two matrices of kernel_by_lines that are there at a time.
CHUNK = 3 * 2**20
NOTHING = (0, 0, 0)
Pair = tuple[int, int]


def kernel_by_pixels(x: jax.Array, g: jax.Array, strides: Pair) -> jax.Array:
    """The gradient by a kernel of one pixel, [1, 1, C, features].

    Args:
        x: [B, H, W, C].
        g: cotangent of the output, [B, H', W', features].
        strides: of the convolution, which has no padding.
    """
    x = x[:, :: strides[0], :: strides[1]].reshape(-1, x.shape[-1])
    # The product of what was turned before is the fastest form of four.
    turned = jax.lax.optimization_barrier(x.T)
    return (turned @ g.reshape(-1, g.shape[-1]))[None, None]


def kernel_by_lines(
    x: jax.Array, g: jax.Array, padding: tuple[Pair, Pair], size: Pair
) -> jax.Array:
    """The gradient by a kernel of this size, [height, width, C, features].

    One matrix has images moved along their rows by every column of the kernel, one has
    cotangents moved along their columns by every row of it: their product is the sum
    over pixels for every place in the kernel.

    Args:
        x: [B, H, W, C].
        g: cotangent of the output, [B, H', W', features].
        padding: of the convolution, which has no strides.
        size: height and width of the kernel.
    """
    (high, wide), (vertical, horizontal) = size, padding
    (batch, rows, _, channels), (*_, columns, features) = x.shape, g.shape
    pixel = (wide * channels + high * features) * x.itemsize
    images = near_divisor(batch, CHUNK / (rows * columns * pixel))
    around, zero = (high - 1 - vertical[0], high - 1 - vertical[1]), x.dtype.type(0)

    def add(step, total):
        a, b = (
            jax.lax.dynamic_slice_in_dim(each, step * images, images) for each in (x, g)
        )
        a = jax.lax.pad(a, zero, [NOTHING, NOTHING, (*horizontal, 0), NOTHING])
        b = jax.lax.pad(b, zero, [NOTHING, (*around, 0), NOTHING, NOTHING])
        a = jnp.concatenate([a[:, :, j : j + columns] for j in range(wide)], -1)
        b = jnp.concatenate([b[:, i : i + rows] for i in range(high)[::-1]], -1)
        return total + a.reshape(-1, wide * channels).T @ b.reshape(-1, high * features)

    total = jnp.zeros((wide * channels, high * features), x.dtype)
    total = jax.lax.fori_loop(0, batch // images, add, total)
    return total.reshape(wide, channels, high, features).transpose(2, 0, 1, 3)


def lines_pay(x: tuple[int, ...], g: tuple[int, ...]) -> bool:
    """Whether kernel_by_lines takes less time than XLA's, as measured on 2 cores.

    Args:
        x, g: the shapes of images and cotangents.
    """
    few = 3 <= g[-1] <= (16 if x[-1] < 64 else 8)
    return few and x[-1] >= 8 and math.prod(g[:3]) >= 2**14


def image_by_places(
    g: jax.Array,
    kernel: jax.Array,
    strides: Pair,
    padding: tuple[Pair, Pair],
    dilation: Pair,
    size: Pair,
) -> jax.Array:
    """The gradient by images of this size, [B, H, W, C].

    What every cotangent adds to all pixels under the kernel is one product, with the
    kernel as it lies in memory; the parts for its places are then added up.

    Args:
        g: cotangent of the output, [B, H', W', features].
        kernel: [height, width, C, features].
        strides, padding, dilation: of the convolution.
        size: height and width of the images.
    """
    *places, channels, features = kernel.shape
    matrices = g.reshape(-1, features), kernel.reshape(-1, features)
    parts = jax.lax.dot_general(*matrices, (((1,), (1,)), ((), ())))
    parts = parts.reshape(*g.shape[:3], *places, channels)

    def part(i, j):
        margins = []
        for axis, place in enumerate((i, j)):
            before = place * dilation[axis] - padding[axis][0]
            reach = (g.shape[1 + axis] - 1) * strides[axis] + 1
            margins.append((before, size[axis] - before - reach, strides[axis] - 1))
        zero = g.dtype.type(0)
        return jax.lax.pad(parts[:, :, :, i, j], zero, [NOTHING, *margins, NOTHING])

    return reduce(jnp.add, (part(*place) for place in np.ndindex(*places)))


def places_pay(kernel: tuple[int, ...], g: tuple[int, ...], strides: Pair) -> bool:
    """Whether image_by_places takes less time than XLA's, as measured on 2 cores.

    Args:
        kernel, g: the shapes of the kernel and of cotangents.
        strides: of the convolution.
    """
    places, apart = math.prod(kernel[:2]), math.prod(strides)
    # Of many, the sum costs more than zeros do: what follows computes it repeatedly.
    few = places == 1 or math.prod(g[:3]) <= 2048
    return places > math.prod(g[1:3]) or (few and apart > 1 and places <= 4 * apart)
