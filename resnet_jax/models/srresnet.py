"""SRResNet: super-resolution by residual blocks, with and without batch norm."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax

from resnet_jax.models.inputs import PATCH, Inputs, image_inputs
from resnet_jax.models.receptive_field import halo, upscaling
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.enhanced_block import EnhancedBlock
from resnet_jax.nn.initialization import he_fan_in, scaled_normal
from resnet_jax.nn.normalization import is_local, normalization
from resnet_jax.nn.pixel_shuffle import enlarge, steps_of
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened
from resnet_jax.nn.prelu import PReLU


class SRResNet(nn.Module):
    """A 9x9 convolution, residual blocks and a long skip, pixel shuffles, a 9x9 one.

    Ledig et al. 2016, arXiv:1609.04802, figure 4: norm in the blocks, PReLU with one
    slope each. All convolutions have biases and are drawn as He et al. draw them (fan
    in), as in SRGAN-PyTorch; padding is PyTorch's. Maps images [B, H, W, channels] in
    [0, 1] to [B, scale H, scale W, channels] in the same units, not clipped; the last
    convolution and the output are at least float32.

    Args:
        channels: of the images.
        scale: 1, 2, 3, 4 or 8.
        width: channels of the feature maps.
        blocks: residual blocks.
        norm: config section, name or constructor.
        resize_conv: enlarge without pixel shuffle, see nn.pixel_shuffle.enlarge.
        axis_name: the mapped axis under pmap.
        dtype: what convolutions compute in, or its name; None takes the promoted type
            of images and params, which are float32 (float64 for such a dtype), as are
            statistics.

    Raises:
        ValueError: scale, norm or dtype is unknown.
    """

    channels: int = 3
    scale: int = 4
    width: int = 64
    blocks: int = 16
    norm: Mapping | str | Callable = "batch"
    resize_conv: bool = False
    axis_name: str | None = None
    dtype: Any = None

    multiple = 1

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        normalization(self.norm, dtype=compute_dtype(self.dtype))
        steps_of(self.scale)

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        """train: normalize by the batch."""
        dtype = compute_dtype(self.dtype)
        given: dict[str, Any] = {"use_bias": True, "kernel_init": he_fan_in}
        conv: Callable = partial(Conv, kernel_size=3, dtype=dtype, **given)
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        x = conv(self.width, kernel_size=9, name="conv_first")(images)
        x = first = PReLU(name="act_first")(x)
        for i in range(self.blocks):
            x = NormBlock(conv, norm, name=f"body_{i}")(x, train)
        x = conv(self.width, name="conv_after_body")(x)
        x = first + norm(name="bn_after_body")(x, train)
        for i, factor in enumerate(steps_of(self.scale)):
            up = partial(conv, name=f"upsample_{i}")
            x = enlarge(x, factor, up, self.resize_conv)
            x = PReLU(name=f"act_{i}")(x)
        x = x.astype(at_least_float32(x.dtype))
        given |= {"dtype": widened(dtype), "name": "conv_last"}
        return Conv(self.channels, 9, **given)(x)

    @property
    def halo(self) -> int | None:
        """Input pixels around a place that its output depends on; None for all."""
        if not is_local(self.norm):
            return None
        layers = [("conv", 4 + 2 * self.blocks + 1)]
        layers += upscaling(self.scale, self.resize_conv)
        return halo([*layers, ("conv", 4)], self.scale)

    @property
    def inputs(self) -> Inputs:
        """A batch of one image of the usual size in training."""
        return image_inputs(PATCH, PATCH, self.channels)


class NormBlock(nn.Module):
    """x + norm(conv(prelu(norm(conv(x))))): [B, H, W, C] -> [B, H, W, C].

    Gross and Wilber 2016, "Training and investigating residual nets", with PReLU.

    Args:
        conv: constructor of 3x3 convolutions, called as conv(features, name=...).
        norm: constructor of norms, called as norm(x, train).
    """

    conv: Callable
    norm: Callable

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """There is no activation behind the sum."""
        width = x.shape[-1]
        y = self.norm(name="bn1")(self.conv(width, name="conv1")(x), train)
        y = self.conv(width, name="conv2")(PReLU(name="act")(y))
        return x + self.norm(name="bn2")(y, train)


class MSRResNet(nn.Module):
    """SRResNet without batch norm that adds to the image, enlarged bilinearly.

    BasicSR's MSRResNet, whose modules' names these are: 3x3 convolutions with biases
    and PyTorch's padding, EDSR's blocks, leaky ReLU of slope 0.1 elsewhere, a further
    convolution before the last; kernels are drawn as He et al. draw them (fan in),
    times 0.1. Maps images [B, H, W, channels] in [0, 1] to [B, scale H, scale W,
    channels] in the same units, not clipped; the last convolution and the output are at
    least float32.

    Args:
        channels, scale, width, blocks, resize_conv, dtype: as in SRResNet.
        axis_name: the mapped axis under pmap; nothing here needs it.

    Raises:
        ValueError: scale or dtype is unknown.
    """

    channels: int = 3
    scale: int = 4
    width: int = 64
    blocks: int = 16
    resize_conv: bool = False
    axis_name: str | None = None
    dtype: Any = None

    multiple = 1

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        compute_dtype(self.dtype)
        steps_of(self.scale)

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        """The same in training and evaluation."""
        dtype = compute_dtype(self.dtype)
        given: dict[str, Any] = {
            "use_bias": True,
            "kernel_init": scaled_normal(0.1 * 2**0.5),
        }
        conv: Callable = partial(Conv, kernel_size=3, dtype=dtype, **given)
        act = partial(nn.leaky_relu, negative_slope=0.1)
        x = act(conv(self.width, name="conv_first")(images))
        for i in range(self.blocks):
            x = EnhancedBlock(conv, name=f"body_{i}")(x)
        for i, factor in enumerate(steps_of(self.scale), 1):
            up = partial(conv, name=f"upconv{i}")
            x = act(enlarge(x, factor, up, self.resize_conv))
        x = act(conv(self.width, name="conv_hr")(x))
        x = x.astype(at_least_float32(x.dtype))
        given |= {"dtype": widened(dtype), "name": "conv_last"}
        x = Conv(self.channels, 3, **given)(x)
        size = (*x.shape[:3], self.channels)
        return x + jax.image.resize(images.astype(x.dtype), size, "linear")

    @property
    def halo(self) -> int:
        """Input pixels around a place that its output depends on."""
        layers = [("conv", 1 + 2 * self.blocks)]
        layers += upscaling(self.scale, self.resize_conv)
        return halo([*layers, ("conv", 2)], self.scale)

    @property
    def inputs(self) -> Inputs:
        """A batch of one image of the usual size in training."""
        return image_inputs(PATCH, PATCH, self.channels)
