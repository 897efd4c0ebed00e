"""Channel attention: a gate per channel, computed from the mean of each channel."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.lookup import build, section_fields
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.initialization import uniform_bias, uniform_fan_in
from resnet_jax.nn.precision import at_least_float32
from resnet_jax.nn.resampling import global_avg_pool


class SqueezeExcite(nn.Module):
    """Scales each channel by a small network of all channels' means.

    Hu et al. 2017, arXiv:1709.01507, figure 3; the hidden channels are `ratio` of the
    block's, rounded to a multiple of 8, at least 8.

    Args:
        channels: of the block by design; pruning may have left fewer.
        ratio: hidden channels in units of those (1/16 in the paper, 1/4 in ResNet-RS).
        conv: constructor of convolutions.
    """

    channels: int
    ratio: float = 1 / 16
    conv: Callable = Conv

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        hidden = max(8, int(self.channels * self.ratio + 4) // 8 * 8)
        y = global_avg_pool(x)[:, None, None].astype(x.dtype)
        for name, features in (("fc1", hidden), ("fc2", x.shape[-1])):
            bias = {"use_bias": True, "bias_init": uniform_bias(y.shape[-1])}
            y = self.conv(features, 1, **bias, name=name)(y)
            y = jax.nn.relu(y) if name == "fc1" else jax.nn.sigmoid(y)
        return x * y


class EfficientChannelAttention(nn.Module):
    """Scales each channel by a 1-D convolution over neighboring channels' means.

    Wang et al. 2019, arXiv:1910.03151, section 3.3; the kernel grows with the logarithm
    of the channels (equation 12: gamma 2, b 1), is odd and at least 3.

    Args:
        channels: of the block by design; pruning may have left fewer.
        dtype: as of convolutions; decides the type of the kernel.
    """

    channels: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        size = int((math.log2(self.channels) + 1) / 2)
        size = max(size if size % 2 else size + 1, 3)
        conv = nn.Conv(
            1,
            (size,),
            padding=size // 2,
            use_bias=False,
            kernel_init=uniform_fan_in,
            dtype=x.dtype,
            param_dtype=at_least_float32(self.dtype or jnp.float32),
            name="conv",
        )
        means = global_avg_pool(x).astype(x.dtype)
        return x * jax.nn.sigmoid(conv(means[..., None]))[:, None, None, :, 0]


ATTENTIONS: dict[str, Callable] = {
    "se": SqueezeExcite,
    "eca": EfficientChannelAttention,
}


def attention(
    section: Mapping | str | Callable | None, *, conv: Callable, dtype: Any = None
) -> Callable | None:
    """A constructor `attention(channels, name=...)` from a config section.

    Args:
        section: {'name': ..., **fields}, a name in ATTENTIONS, a constructor, which is
            returned unchanged, or None for no attention.
        conv: constructor of the convolutions inside.
        dtype: what they compute in.

    Raises:
        ValueError: the name or a field is unknown.
    """
    if section is None or callable(section):
        return section
    fields = section_fields(section, "attention")
    build(ATTENTIONS, fields, "attention", channels=64, parent=None)
    given = {"conv": conv} if fields["name"] == "se" else {"dtype": dtype}
    return partial(ATTENTIONS[fields.pop("name")], **{**given, **fields})
