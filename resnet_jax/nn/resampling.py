"""Pooling, with PyTorch's padding."""

from collections.abc import Callable
from functools import partial, reduce

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

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

    def at_once(x):
        return nn.max_pool(x, (window, window), (steps, steps), (margin, margin))

    def in_turn(x):
        x = jnp.pad(x, ((0, 0), margin, margin, (0, 0)), constant_values=-jnp.inf)
        return _largest(_largest(x, 2, window, steps), 1, window, steps)

    return lax.platform_dependent(x, cpu=in_turn, default=at_once)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _largest(x: jax.Array, axis: int, window: int, strides: int) -> jax.Array:
    """Largest value of each window along an axis.

    On CPUs the gradient takes a quarter of the time of XLA's, and is the same: of equal
    values the first one has it all.
    """
    return reduce(jnp.maximum, _moved(x, axis, window, strides))


@_largest.defjvp
def _slope_of_largest(axis, window, strides, primals, tangents):
    (x,), (dx,) = primals, tangents
    y = _largest(x, axis, window, strides)
    dy, taken = jnp.zeros_like(y), jnp.zeros(y.shape, bool)
    for values, slopes in zip(
        *(_moved(each, axis, window, strides) for each in (x, dx)), strict=True
    ):
        here = (values == y) & ~taken
        dy, taken = dy + jnp.where(here, slopes, 0), taken | here
    return y, dy


def _moved(x: jax.Array, axis: int, window: int, strides: int) -> list[jax.Array]:
    """The first values of all windows, the second ones, and so on."""
    last = (x.shape[axis] - window) // strides * strides
    return [lax.slice_in_dim(x, i, i + last + 1, strides, axis) for i in range(window)]


def avg_pool(
    x: jax.Array, window: int, strides: int | None = None, ceil: bool = False
) -> jax.Array:
    """Mean of each window, [B, H, W, C] -> [B, H', W', C].

    Only windows that fit, or with `ceil` also those that hang over the far edge, of
    which only the inner part is averaged (PyTorch's ceil_mode).
    """
    steps = window if strides is None else strides
    over = [-(n - window) % steps if ceil else 0 for n in x.shape[1:3]]
    return nn.avg_pool(
        x,
        (window, window),
        (steps, steps),
        [(0, n) for n in over],
        count_include_pad=not ceil,
    )


def avg_pool_squares(x: jax.Array, strides: int, dilation: int = 1) -> jax.Array:
    """What a shortcut takes of its input where the block has strides or dilation.

    Means of squares of side `strides`, cut off at the far edge; at stride 1, but
    dilation, means of 2x2 that keep the size (timm adds zeros, which count).
    """
    if strides > 1:
        return avg_pool(x, strides, ceil=True)
    if dilation > 1:
        return avg_pool(jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0))), 2, 1)
    return x


def blur_pool(x: jax.Array, strides: int) -> jax.Array:
    """Smooths with [1, 2, 1] / 4 along both sides, then takes every `strides`-th place.

    Zhang 2019, arXiv:1904.11486, section 3.2; the border is reflected, so that
    [B, H, W, C] -> [B, ceil(H / strides), ceil(W / strides), C].

    Raises:
        ValueError: a side is a single pixel, which cannot be reflected.
    """
    if 1 in x.shape[1:3]:
        raise ValueError(
            f"blur pooling reflects borders, so its input needs at least 2 x 2 pixels,"
            f" not {x.shape[1]} x {x.shape[2]}: take larger images."
        )
    for axis in (1, 2):
        margins = [(1, 1) if i == axis else (0, 0) for i in range(4)]
        size, padded = x.shape[axis], jnp.pad(x, margins, mode="reflect")
        near, center, far = (
            lax.slice_in_dim(padded, i, i + size, strides, axis) for i in range(3)
        )
        x = (near + 2 * center + far) / 4
    return x


def avg_pool_exactly(x: jax.Array, strides: int) -> jax.Array:
    """Mean of squares of side `strides`, which must divide H and W.

    Raises:
        ValueError: it does not.
    """
    _, height, width, _ = x.shape
    if height % strides or width % strides:
        raise ValueError(
            f"blur='avg' cannot divide feature maps of {height} x {width} by {strides}:"
            " take images of another size, such as multiples of 32, or blur='blur'."
        )
    return avg_pool(x, strides)


def global_avg_pool(x: jax.Array) -> jax.Array:
    """Mean over all positions, [B, H, W, C] -> [B, C], in at least float32."""
    return jnp.mean(x, (1, 2), dtype=at_least_float32(x.dtype))


# Anti-aliasing: what halves a feature map in place of a convolution's stride.
BLURS: dict[str, Callable] = {"blur": blur_pool, "avg": avg_pool_exactly}


def upsample_nearest(x: jax.Array, factor: int = 2) -> jax.Array:
    """Repeats every pixel, [B, H, W, C] -> [B, factor H, factor W, C]."""
    return jnp.repeat(jnp.repeat(x, factor, 1), factor, 2)
