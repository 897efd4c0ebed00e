"""A small part of large images, enlarged: where there is most to see."""

import jax
import jax.numpy as jnp
from jax import Array, lax

# Side of the part in pixels, and how often each of them is painted along an axis.
SIDE, FACTOR = 40, 4
# Between the places that are compared.
STRIDE = 8


def zooms(image: Array) -> bool:
    """Whether images [B, H, W, C] are so large that a part shows more than the whole.

    They have at least twice its side.
    """
    return min(image.shape[1:3]) >= 2 * SIDE


def most_detail(target: Array) -> Array:
    """The part of each image that has most detail: int32 [B, 2], its top and left.

    Detail is the sum of squared differences of neighbors. It follows from the target
    alone, so that all networks are shown at the same place, and none at its best.

    Args:
        target: [B, H, W, C], at least SIDE x SIDE pixels.
    """
    x = target.astype(jnp.float32)
    down, right = jnp.diff(x[:, :, :-1], axis=1), jnp.diff(x[:, :-1], axis=2)
    steps = (jnp.square(down) + jnp.square(right)).sum(-1)
    # A part of n pixels has n - 1 steps along an axis.
    window, strides = (1, SIDE - 1, SIDE - 1), (1, STRIDE, STRIDE)
    detail = lax.reduce_window(steps, 0.0, lax.add, window, strides, "valid")
    columns = detail.shape[2]
    place = detail.reshape(len(x), -1).argmax(-1)
    return STRIDE * jnp.stack([place // columns, place % columns], -1)


def part(image: Array, corner: Array) -> Array:
    """SIDE x SIDE pixels of each image from its corner on, [B, SIDE, SIDE, C].

    Args:
        image: [B, H, W, C].
        corner: int [B, 2], of most_detail.
    """

    def one(x, place):
        return lax.dynamic_slice(x, (*place, 0), (SIDE, SIDE, x.shape[-1]))

    return jax.vmap(one)(image, corner)


def enlarged(image: Array) -> Array:
    """Images [B, H, W, C] with FACTOR x FACTOR pixels for each, not smoothed."""
    return image.repeat(FACTOR, 1).repeat(FACTOR, 2)
