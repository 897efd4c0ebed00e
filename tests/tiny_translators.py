"""Networks from images to images of a few weights, for tests of what uses them."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from resnet_jax.translator import Translator


def conv(x, seed, features, stride=1, side=3):
    """A convolution with zeros around the image, and a bias."""
    shape = (side, side, x.shape[-1], features)
    kernel = np.random.default_rng(seed).normal(size=shape) / np.sqrt(
        np.prod(shape[:3])
    )
    pad = ((side // 2, side // 2),) * 2
    layout = ("NHWC", "HWIO", "NHWC")
    kernel = jnp.asarray(kernel, jnp.float32)
    return lax.conv_general_dilated(x, kernel, (stride,) * 2, pad, (), (), layout) + 0.1


def shuffled(x, scale):
    """Channels to pixels."""
    size, height, width, channels = x.shape
    x = x.reshape(size, height, width, scale, scale, channels // scale**2)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(
        size, height * scale, width * scale, channels // scale**2
    )


def restorer(scale=1, channels=3):
    """Three convolutions and a pixel shuffle: a halo of 4 pixels."""

    def apply(x):
        h = jax.nn.relu(conv(x, 0, 8, side=5))
        h = jnp.tanh(conv(h, 1, channels * scale**2)) + 1.0
        return conv(shuffled(h, scale), 3, channels)

    return Translator(
        apply=jax.jit(apply), in_channels=channels, out_channels=channels, scale=scale,
        halo=4,
    )  # fmt: skip


def strided(channels=3):
    """Down by 4 and up again: sides must be a multiple of 4."""

    def apply(x):
        h = jax.nn.relu(conv(conv(x, 0, 8, stride=2), 1, 8, stride=2))
        h = jax.nn.relu(conv(h, 2, 16 * channels))
        return conv(shuffled(h, 4), 3, channels)

    return Translator(
        apply=jax.jit(apply), in_channels=channels, out_channels=channels, halo=16,
        multiple=4, mean=(0.5,), std=(0.5,), out_mean=(0.5,), out_std=(0.5,),
    )  # fmt: skip


def normalized(channels=3):
    """A convolution whose outputs have one mean and deviation over the whole image."""

    def apply(x):
        h = conv(x, 0, channels)
        mean, std = h.mean((1, 2), keepdims=True), h.std((1, 2), keepdims=True)
        return 0.2 * (h - mean) / (std + 1e-5) + 0.5

    return Translator(apply=jax.jit(apply), in_channels=channels, out_channels=channels)


def twofold(channels=3):
    """Each pixel four times: equivariant to flips and turns, exact."""

    def apply(x):
        return x.repeat(2, axis=1).repeat(2, axis=2)

    return Translator(
        apply=jax.jit(apply), in_channels=channels, out_channels=channels, scale=2,
        halo=0,
    )  # fmt: skip


def same(channels=3):
    """What comes in."""
    return Translator(
        apply=lambda x: x, in_channels=channels, out_channels=channels, halo=0
    )
