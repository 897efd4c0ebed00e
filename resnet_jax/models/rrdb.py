"""RRDB: the generator of ESRGAN, residual dense blocks inside of residual blocks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.models.inputs import PATCH, Inputs, image_inputs
from resnet_jax.models.receptive_field import halo
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.default_conv import default_conv
from resnet_jax.nn.initialization import scaled_normal
from resnet_jax.nn.pixel_shuffle import pixel_unshuffle
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened
from resnet_jax.nn.resampling import upsample_nearest

# Of branches, in the blocks and in their blocks.
RESIDUAL_SCALE = 0.2
# Pixels that become one in front of a network that enlarges four times.
UNSHUFFLED = {4: 1, 2: 2, 1: 4}

act = partial(nn.leaky_relu, negative_slope=0.2)


class RRDB(nn.Module):
    """Blocks of dense blocks, a long skip, twice nearest upsampling and convolution.

    Wang et al. 2018, arXiv:1809.00219, figure 4, as in BasicSR's RRDBNet, whose
    modules' names these are: leaky ReLU of slope 0.2, PyTorch's padding; kernels of
    dense blocks are drawn as He et al. draw them (fan in), times 0.1, all else as
    PyTorch does. For scales 2 and 1, squares of 2x2 and 4x4 pixels come in as channels
    (Real-ESRGAN). Maps images [B, H, W, channels] in [0, 1] to [B, scale H, scale W,
    channels] in the same units, not clipped; the last convolution and the output are at
    least float32.

    Args:
        channels: of the images.
        scale: 4, 2 or 1.
        width: channels of the feature maps.
        blocks: each of three dense blocks.
        growth: channels that each convolution of a dense block adds.
        axis_name: the mapped axis under pmap; nothing here needs it.
        dtype: what convolutions compute in, or its name; None takes the promoted type
            of images and params, which are float32 (float64 for such a dtype).

    Raises:
        ValueError: scale or dtype is unknown, or the images' sides are no multiples of
            `multiple`.
    """

    channels: int = 3
    scale: int = 4
    width: int = 64
    blocks: int = 23
    growth: int = 32
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        compute_dtype(self.dtype)
        if self.scale not in UNSHUFFLED:
            raise ValueError(f"scale of RRDB is {self.scale}; expected 4, 2 or 1.")

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        """The same in training and evaluation."""
        dtype = compute_dtype(self.dtype)
        conv: Callable = partial(default_conv, inputs=self.width, dtype=dtype)
        x = pixel_unshuffle(images, self.multiple)
        first = conv(self.width, inputs=x.shape[-1], name="conv_first")(x)
        given = {"use_bias": True, "dtype": dtype}
        init = scaled_normal(0.1 * 2**0.5)
        dense: Callable = partial(Conv, kernel_size=3, kernel_init=init, **given)
        x = first
        for i in range(self.blocks):
            x = ResidualBlock(dense, self.growth, name=f"body_{i}")(x)
        x = first + conv(self.width, name="conv_body")(x)
        for name in ("conv_up1", "conv_up2"):
            x = act(conv(self.width, name=name)(upsample_nearest(x)))
        x = act(conv(self.width, name="conv_hr")(x))
        x = x.astype(at_least_float32(x.dtype))
        return conv(self.channels, name="conv_last", dtype=widened(dtype))(x)

    @property
    def multiple(self) -> int:
        """What the sides of images must be multiples of."""
        return UNSHUFFLED[self.scale]

    @property
    def halo(self) -> int:
        """Input pixels around a place that its output depends on."""
        up = ("up", 2), ("conv", 1)
        inside = ("conv", 2 + 15 * self.blocks), *up, *up, ("conv", 2)
        layers = [("down", self.multiple), *inside]
        return halo(layers, self.scale, self.multiple)

    @property
    def inputs(self) -> Inputs:
        """A batch of one image of the usual size in training."""
        return image_inputs(PATCH, PATCH, self.channels)


class ResidualBlock(nn.Module):
    """x + 0.2 of three dense blocks of it: [B, H, W, C] -> [B, H, W, C].

    Args:
        conv, growth: see DenseBlock.
    """

    conv: Callable
    growth: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The paper's RRDB."""
        y = x
        for i in range(3):
            y = DenseBlock(self.conv, self.growth, name=f"rdb{i + 1}")(y)
        return x + RESIDUAL_SCALE * y


class DenseBlock(nn.Module):
    """x + 0.2 of five convolutions that see all before them: [B, H, W, C] -> C.

    Args:
        conv: constructor of 3x3 convolutions, called as conv(features, name=...).
        growth: channels of the first four.
    """

    conv: Callable
    growth: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """There is no activation behind the last one."""
        known = x
        for i in range(4):
            y = act(self.conv(self.growth, name=f"conv{i + 1}")(known))
            known = jnp.concatenate([known, y], -1)
        return x + RESIDUAL_SCALE * self.conv(x.shape[-1], name="conv5")(known)
