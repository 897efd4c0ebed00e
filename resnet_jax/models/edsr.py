"""EDSR: super-resolution by residual blocks without batch norm."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.models.inputs import PATCH, Inputs, image_inputs
from resnet_jax.models.receptive_field import halo, upscaling
from resnet_jax.nn.default_conv import default_conv
from resnet_jax.nn.enhanced_block import EnhancedBlock
from resnet_jax.nn.pixel_shuffle import enlarge, steps_of
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened

# Of the 800 images for training of DIV2K.
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class EDSR(nn.Module):
    """A convolution, residual blocks and a long skip, pixel shuffles, a convolution.

    Lim et al. 2017, arXiv:1707.02921, figure 3, as in EDSR-PyTorch and BasicSR, whose
    modules' names these are: convolutions have PyTorch's padding and initialization.
    Inside, values are (images - mean) value_range. Maps images [B, H, W, channels] in
    [0, 1] to [B, scale H, scale W, channels] in the same units, not clipped; the last
    convolution and the output are at least float32.

    Args:
        channels: of the images.
        scale: 1, 2, 3, 4 or 8.
        width: channels of the feature maps: 64 in the baseline, 256 in EDSR.
        blocks: 16 in the baseline, 32 in EDSR.
        residual_scale: of the branches: 1 in the baseline, 0.1 in EDSR.
        mean: of each channel, which the network does not see; None for DIV2K's, of
            which other than three channels take the average.
        value_range: what [0, 1] becomes inside.
        resize_conv: enlarge without pixel shuffle, see nn.pixel_shuffle.enlarge.
        axis_name: the mapped axis under pmap; nothing here needs it.
        dtype: what convolutions compute in, or its name; None takes the promoted type
            of images and params, which are float32 (float64 for such a dtype).

    Raises:
        ValueError: scale or dtype is unknown, or `mean` has not one value per channel.
    """

    channels: int = 3
    scale: int = 2
    width: int = 64
    blocks: int = 16
    residual_scale: float = 1.0
    mean: tuple[float, ...] | None = None
    value_range: float = 255.0
    resize_conv: bool = False
    axis_name: str | None = None
    dtype: Any = None

    multiple = 1

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        compute_dtype(self.dtype)
        steps_of(self.scale)
        if self.mean is not None and len(self.mean) != self.channels:
            raise ValueError(
                f"mean is {self.mean} for images of {self.channels} channels: give a"
                " value for each, or None."
            )

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        """The same in training and evaluation."""
        dtype = compute_dtype(self.dtype)
        wide = at_least_float32(images.dtype)
        mean = jnp.asarray(self.means, wide)
        x = (images.astype(wide) - mean) * self.value_range
        conv = partial(default_conv, inputs=self.width, dtype=dtype)
        first = conv(self.width, inputs=self.channels, name="conv_first")(x)
        x = self.body(first, conv)
        x = first + conv(self.width, name="conv_after_body")(x)
        for i, factor in enumerate(steps_of(self.scale)):
            up = partial(conv, name=f"upsample_{2 * i}")
            x = enlarge(x, factor, up, self.resize_conv)
        x = x.astype(at_least_float32(x.dtype))
        x = conv(self.channels, name="conv_last", dtype=widened(dtype))(x)
        return x / self.value_range + mean

    def body(self, x: jax.Array, conv: partial) -> jax.Array:
        """The residual blocks; conv(features, name=...) makes 3x3 convolutions."""
        for i in range(self.blocks):
            x = EnhancedBlock(conv, self.residual_scale, name=f"body_{i}")(x)
        return x

    @property
    def means(self) -> tuple[float, ...]:
        """The mean of each channel."""
        if self.mean is not None:
            return self.mean
        if self.channels == len(DIV2K_MEAN):
            return DIV2K_MEAN
        return (sum(DIV2K_MEAN) / len(DIV2K_MEAN),) * self.channels

    @property
    def halo(self) -> int | None:
        """Input pixels around a place that its output depends on."""
        layers = [
            ("conv", 2 * self.blocks + 2),
            *upscaling(self.scale, self.resize_conv),
        ]
        return halo([*layers, ("conv", 1)], self.scale)

    @property
    def inputs(self) -> Inputs:
        """A batch of one image of the usual size in training."""
        return image_inputs(PATCH, PATCH, self.channels)
