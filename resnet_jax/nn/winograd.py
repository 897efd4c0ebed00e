"""3 x 3 convolutions on CPUs, with 16 products for four pixels in place of 36.

Lavin and Gray 2015, arXiv:1509.09308, section 4.1, F(2 x 2, 3 x 3): tiles of 4 x 4
pixels and the kernel are brought to a form in which they are multiplied element by
element; with channels that is 16 matrix products. The transforms add, subtract and
halve: results are those of XLA but for rounding.

Tiles take four times the memory of their images. A loop makes them for as many images,
or rows of one, as caches hold; all at once, they would take longer than is gained.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

# Bytes of images whose tiles are there at a time; a gradient takes those of two.
CHUNK, KERNEL_CHUNK = 5 * 2**19, 2**20
Padding = Sequence[tuple[int, int]]


class Steps(NamedTuple):
    """How the loop goes through outputs: images, and rows and columns of tiles."""

    images: int
    rows: int
    columns: int
    bands: int  # in which an image is taken

    def parts(
        self, x: jax.Array, before: tuple[int, int], reach: int
    ) -> Callable[[jax.Array], jax.Array]:
        """A function that gives what a step takes of images, with zeros around them.

        Args:
            x: [B, H, W, C].
            before: zeros before the first row and column.
            reach: rows and columns that are taken beyond those of the tiles.
        """
        whole = 2 * self.rows * self.bands + reach, 2 * self.columns + reach
        margins = [
            (start, size - start - have, 0)
            for start, size, have in zip(before, whole, x.shape[1:3], strict=True)
        ]
        nothing, zero = (0, 0, 0), jnp.zeros((), x.dtype)
        rows = x.shape[1]
        if self.bands > 1:
            x = jax.lax.pad(x, zero, [nothing, margins[0], nothing, nothing])
            rows, margins[0] = 2 * self.rows + reach, nothing

        def part(step):
            first, band = step // self.bands * self.images, step % self.bands
            corner, size = (first, 2 * self.rows * band), (self.images, rows)
            cut = jax.lax.dynamic_slice(x, (*corner, 0, 0), (*size, *x.shape[2:]))
            # Here and not of all images: XLA keeps what is padded, in a cache.
            return jax.lax.pad(cut, zero, [nothing, *margins, nothing])

        return part


def winograd_pays(
    kernel: tuple[int, ...], y: tuple[int, ...], gradient: bool = False
) -> bool:
    """Whether it takes less time than XLA's, as measured on 2 cores, shape by shape.

    Args:
        kernel: the shape [height, width, C, features].
        y: that of the outputs.
        gradient: the one by the kernel is asked for.
    """
    tiles = y[0] * -(-y[1] // 2) * -(-y[2] // 2)
    channels = min(kernel[2:])
    enough = channels >= 64 and tiles >= 256 and 4 * tiles <= 1.3 * math.prod(y[:3])
    large = channels >= 128 or y[1] * y[2] >= 256 or not gradient
    return kernel[:2] == (3, 3) and enough and large


def winograd(x: jax.Array, kernel: jax.Array, padding: Padding) -> jax.Array:
    """The convolution, [B, H, W, C] by [3, 3, C, features] -> [B, H', W', features].

    Args:
        padding: zeros (before, after) for height and width.
    """
    (top, bottom), (left, right) = padding
    batch, features = x.shape[0], kernel.shape[-1]
    height, width = x.shape[1] + top + bottom - 2, x.shape[2] + left + right - 2
    pixel = max(x.shape[-1], features) * x.itemsize
    steps = _steps(batch, height, width, pixel, CHUNK)
    form = _along(_of_kernel, _along(_of_kernel, kernel, 0), 1)
    form = form.reshape(16, *kernel.shape[2:])
    part = steps.parts(x, (top, left), 2)

    def pixels(step):
        tiles = _tiles(part(step))
        products = jax.lax.dot_general(tiles, form, (((2,), (1,)), ((0,), (0,))))
        y = products.reshape(4, 4, steps.images, steps.rows, steps.columns, features)
        y = _along(_to_pixels, _along(_to_pixels, y, 0), 1)
        return y.transpose(2, 3, 0, 4, 1, 5)

    y = jax.lax.map(pixels, jnp.arange(batch // steps.images * steps.bands))
    y = y.reshape(batch, -1, 2 * steps.columns, features)
    return y[:, :height, :width]


def winograd_kernel(x: jax.Array, g: jax.Array, padding: Padding) -> jax.Array:
    """The gradient by the kernel, [3, 3, C, features].

    Args:
        x: [B, H, W, C].
        g: cotangent of the output, [B, H', W', features].
        padding: of the convolution.
    """
    batch, channels, features = x.shape[0], x.shape[-1], g.shape[-1]
    pixel = max(channels, features) * x.itemsize
    steps = _steps(batch, g.shape[1], g.shape[2], pixel, KERNEL_CHUNK)
    of_x = steps.parts(x, (padding[0][0], padding[1][0]), 2)
    of_g = steps.parts(g, (0, 0), 0)

    def add(step, total):
        tiles, slopes = _tiles(of_x(step)), _slopes(of_g(step))
        both = (((1,), (1,)), ((0,), (0,)))
        return total + jax.lax.dot_general(tiles, slopes, both)

    nothing = jnp.zeros((16, channels, features), x.dtype)
    count = batch // steps.images * steps.bands
    form = jax.lax.fori_loop(0, count, add, nothing).reshape(4, 4, channels, features)
    return _along(_to_kernel, _along(_to_kernel, form, 0), 1)


def _steps(batch: int, height: int, width: int, pixel: int, chunk: int) -> Steps:
    """For outputs whose pixels take so many bytes, and `chunk` bytes at a time."""
    rows, columns = -(-height // 2), -(-width // 2)
    image = 4 * rows * columns * pixel
    if image > chunk:
        share = -(-rows // -(-image // chunk))
        return Steps(1, share, columns, -(-rows // share))
    return Steps(near_divisor(batch, chunk / image), rows, columns, 1)


def near_divisor(number: int, wanted: float) -> int:
    """Of those of a number, the one whose ratio to another is closest to 1."""
    divisors = (n for n in range(1, number + 1) if number % n == 0)
    return min(divisors, key=lambda n: abs(math.log(n / wanted)))


def _tiles(x: jax.Array) -> jax.Array:
    """The form of overlapping tiles, [B, 2 rows + 2, 2 columns + 2, C] -> [16, T, C].

    Columns first: two and two they are neighbors in memory.
    """
    pairs = x.reshape(*x.shape[:2], -1, 2, x.shape[-1])
    left, right = pairs[:, :, :-1], pairs[:, :, 1:]
    x = jnp.stack(_of_tile(*_halves(left, 3), *_halves(right, 3)))
    x = x.reshape(*x.shape[:2], -1, 2, *x.shape[3:])
    upper, lower = x[:, :, :-1], x[:, :, 1:]
    x = jnp.stack(_of_tile(*_halves(upper, 3), *_halves(lower, 3)))
    return x.reshape(16, -1, x.shape[-1])


def _slopes(g: jax.Array) -> jax.Array:
    """The same of the cotangents of pixels, [B, 2 rows, 2 columns, F] -> [16, T, F]."""
    g = g.reshape(*g.shape[:2], -1, 2, g.shape[-1])
    g = jnp.stack(_of_pixels(*_halves(g, 3)))
    g = g.reshape(*g.shape[:2], -1, 2, *g.shape[3:])
    g = jnp.stack(_of_pixels(*_halves(g, 3)))
    return g.reshape(16, -1, g.shape[-1])


def _halves(x: jax.Array, axis: int) -> tuple[jax.Array, ...]:
    return tuple(jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in (0, 1))


def _along(form: Callable[..., tuple], x: jax.Array, axis: int) -> jax.Array:
    parts = jnp.split(x, x.shape[axis], axis)
    return jnp.concatenate(form(*parts), axis)


# Equations 6 to 8: B, G and A transposed, and for the gradient A and G transposed.
def _of_tile(a, b, c, d):
    return a - c, b + c, c - b, b - d


def _of_kernel(a, b, c):
    return a, (a + b + c) / 2, (a - b + c) / 2, c


def _to_pixels(a, b, c, d):
    return a + b + c, b - c - d


def _of_pixels(a, b):
    return a, a + b, a - b, -b


def _to_kernel(a, b, c, d):
    return a + (b + c) / 2, (b - c) / 2, (b + c) / 2 + d
