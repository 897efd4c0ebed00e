"""Affine changes of color about the grey axis."""

import jax.numpy as jnp
from jax import Array


def change_color(
    images: Array,
    brightness: Array,
    contrast: Array,
    lumaflip: Array,
    hue: Array,
    saturation: Array,
) -> Array:
    """Brightness, contrast, lumaflip, hue and saturation, in this order.

    Karras et al. 2020, arXiv:2006.06676, appendix B. There it is a product of 4 x 4
    matrices. All of them keep the grey axis and the plane across it, so the part of a
    color on each is changed by itself.

    Args:
        images: [B, H, W, C] with C 1 or 3. The mean of the channels is the part on the
            grey axis; grey images have no other.
        brightness: what is added to all channels; like the others [B, 1, 1, 1].
        contrast: factor of all channels.
        lumaflip: 1 to negate the part on the grey axis, or 0.
        hue: angle about the grey axis in radians.
        saturation: factor of the part across it.
    """
    luma = images.mean(3, keepdims=True)
    chroma = images - luma
    # The cross product of the axis (1, 1, 1) / sqrt(3) and the color.
    turned = (jnp.roll(chroma, 1, 3) - jnp.roll(chroma, -1, 3)) / 3**0.5
    chroma = jnp.cos(hue) * chroma + jnp.sin(hue) * turned
    luma = (1 - 2 * lumaflip) * contrast * (luma + brightness)
    return luma + saturation * contrast * chroma
