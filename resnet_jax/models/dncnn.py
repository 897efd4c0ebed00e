"""DnCNN: denoising by the noise that a plain stack of convolutions finds."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from resnet_jax.models.inputs import Inputs, image_inputs
from resnet_jax.models.receptive_field import halo
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.normalization import Identity, is_local, normalization
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened

NORM: FrozenDict = FrozenDict({"name": "batch", "epsilon": 1e-4})
# What the first scales of norms are kept from zero by.
SMALLEST_SCALE = 0.025


class DnCNN(nn.Module):
    """The image minus what convolutions with norm and ReLU make of it.

    Zhang et al. 2016, arXiv:1608.03981, section III.A: no norm behind the first and the
    last convolution, which have biases. Zero padding; epsilon 1e-4 as in MatConvNet and
    KAIR. Kernels are N(0, 2 / (9 width)), as are scales, kept 0.025 from zero, in the
    authors' training code (DnCNN_TrainingCodes_DagNN_v1.1); running variances start at
    1, not 0.01. Maps images [B, H, W, channels] in [0, 1], noisy ones beyond, to the
    same shape and units, not clipped; the last convolution and the output are at least
    float32.

    Args:
        channels: of the images.
        depth: convolutions: 17 for one strength of noise, 20 for any ("blind").
        width: channels of the feature maps.
        norm: config section, name or constructor; with 'none' all convolutions have
            biases, as where norms were folded into them.
        axis_name: the mapped axis under pmap.
        dtype: what convolutions compute in, or its name; None takes the promoted type
            of images and params, which are float32 (float64 for such a dtype), as are
            statistics.

    Raises:
        ValueError: norm or dtype is unknown, or the depth is below 2.
    """

    channels: int = 1
    depth: int = 17
    width: int = 64
    norm: Mapping | str | Callable = NORM
    axis_name: str | None = None
    dtype: Any = None

    scale = 1
    multiple = 1

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        normalization(self.norm, dtype=compute_dtype(self.dtype))
        if self.depth < 2:
            raise ValueError(f"depth of DnCNN is {self.depth}; expected 2 or more.")

    @nn.compact
    def __call__(self, images: jax.Array, train: bool = False) -> jax.Array:
        """train: normalize by the batch."""
        dtype, init = compute_dtype(self.dtype), partial(draw, self.width)
        conv: Callable = partial(Conv, kernel_size=3, kernel_init=init, dtype=dtype)
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        norm = partial(norm, scale_init=partial(draw_scale, self.width))
        folded = getattr(norm, "func", norm) is Identity
        x = nn.relu(conv(self.width, use_bias=True, name="conv1")(images))
        for i in range(2, self.depth):
            x = conv(self.width, use_bias=folded, name=f"conv{i}")(x)
            x = nn.relu(norm(name=f"bn{i}")(x, train))
        x = x.astype(at_least_float32(x.dtype))
        last = partial(conv, use_bias=True, dtype=widened(dtype))
        noise = last(self.channels, name=f"conv{self.depth}")(x)
        return images.astype(noise.dtype) - noise

    @property
    def halo(self) -> int | None:
        """Pixels around a place that its output depends on; None for all."""
        return halo([("conv", self.depth)]) if is_local(self.norm) else None

    @property
    def inputs(self) -> Inputs:
        """A batch of one image of the paper's size in training."""
        return image_inputs(40, 40, self.channels)


def draw(width: int, key, shape, dtype=None) -> jax.Array:
    """Kernels: He et al.'s, as if all were from or to `width` channels."""
    return (2 / (9 * width)) ** 0.5 * jax.random.normal(key, shape, dtype)


def draw_scale(width: int, key, shape, dtype=None) -> jax.Array:
    """Scales of norms: as kernels, but none near zero."""
    drawn = draw(width, key, shape, dtype)
    return jnp.where(drawn < 0, -1, 1) * jnp.maximum(jnp.abs(drawn), SMALLEST_SCALE)
