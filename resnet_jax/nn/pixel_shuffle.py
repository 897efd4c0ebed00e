"""Pixel shuffle: channels become pixels, and how images are enlarged with it."""

from collections.abc import Callable

import jax

from resnet_jax.nn.resampling import upsample_nearest

# What an image is enlarged by, step by step.
STEPS: dict[int, tuple[int, ...]] = {1: (), 2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}


def pixel_shuffle(x: jax.Array, factor: int) -> jax.Array:
    """[B, H, W, factor^2 C] -> [B, factor H, factor W, C], in PyTorch's order.

    Channel (c, y, x) of a pixel becomes channel c of the pixel (y, x) in its square.
    Shi et al. 2016, arXiv:1609.05158, equation 4.
    """
    batch, height, width, channels = x.shape
    assert channels % factor**2 == 0, (channels, factor)
    x = x.reshape(batch, height, width, -1, factor, factor)
    x = x.transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, height * factor, width * factor, -1)


def pixel_unshuffle(x: jax.Array, factor: int) -> jax.Array:
    """The inverse: [B, factor H, factor W, C] -> [B, H, W, factor^2 C].

    Raises:
        ValueError: a side is no multiple of `factor`.
    """
    batch, height, width, channels = x.shape
    if height % factor or width % factor:
        raise ValueError(
            f"this network takes images whose sides are multiples of {factor}, not"
            f" {height} x {width}: pad or crop them."
        )
    x = x.reshape(batch, height // factor, factor, width // factor, factor, channels)
    x = x.transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(batch, height // factor, width // factor, -1)


def steps_of(scale: int) -> tuple[int, ...]:
    """The factors that an image is enlarged by one after the other.

    Raises:
        ValueError: there is no such scale.
    """
    if scale not in STEPS:
        known = ", ".join(map(str, STEPS))
        raise ValueError(f"scale is {scale}; expected one of {known}.")
    return STEPS[scale]


def enlarge(
    x: jax.Array, factor: int, conv: Callable, resize_conv: bool = False
) -> jax.Array:
    """A convolution with pixel shuffle: [B, H, W, C] -> [B, factor H, factor W, C].

    Args:
        x: feature maps.
        factor: what sides are multiplied by.
        conv: constructor, called as conv(features).
        resize_conv: nearest upsampling before the convolution in place of pixel
            shuffle, which leaves no checkerboard (Odena et al. 2016,
            distill.pub/2016/deconv-checkerboard).
    """
    width = x.shape[-1]
    if resize_conv:
        return conv(width)(upsample_nearest(x, factor))
    return pixel_shuffle(conv(width * factor**2)(x), factor)
