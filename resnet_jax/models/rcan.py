"""RCAN: super-resolution by groups of residual blocks with channel attention."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax

from resnet_jax.models.edsr import EDSR
from resnet_jax.nn.resampling import global_avg_pool


class RCAN(EDSR):
    """EDSR with residual groups, in which channels are weighted by their means.

    Zhang et al. 2018, arXiv:1807.02758, figures 2 and 4, as in its authors' code and
    BasicSR, whose modules' names these are. Maps images [B, H, W, channels] in [0, 1]
    to [B, scale H, scale W, channels] in the same units, not clipped. Attention looks
    at the whole image, from which tiles therefore differ a little.

    Args:
        blocks: in each group.
        groups: of residual blocks, each with a convolution and a skip of its own.
        reduction: the channels of attention are width / reduction.
        channels, scale, width, residual_scale, mean, value_range, resize_conv,
            axis_name, dtype: as in EDSR.

    Raises:
        ValueError: as EDSR, or `reduction` leaves no channel.
    """

    blocks: int = 20
    groups: int = 10
    reduction: int = 16

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        if self.width < self.reduction:
            raise ValueError(
                f"reduction {self.reduction} leaves no channel of width {self.width}:"
                " take a smaller one."
            )

    def body(self, x: jax.Array, conv: partial) -> jax.Array:
        """The residual groups; conv(features, name=...) makes 3x3 convolutions."""
        hidden, scale = self.width // self.reduction, self.residual_scale
        block = partial(AttentionBlock, conv, hidden, scale)
        for i in range(self.groups):
            x = ResidualGroup(conv, block, self.blocks, name=f"body_{i}")(x)
        return x

    @property
    def halo(self) -> None:
        """None: attention looks at the whole image."""
        return None


class ResidualGroup(nn.Module):
    """x + conv(blocks(x)): [B, H, W, C] -> [B, H, W, C].

    Args:
        conv: constructor of 3x3 convolutions, called as conv(features, name=...).
        block: constructor of blocks.
        blocks: how many.
    """

    conv: Callable
    block: Callable
    blocks: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The short skip of the paper's equation 5."""
        y = x
        for i in range(self.blocks):
            y = self.block(name=f"residual_group_{i}")(y)
        return x + self.conv(x.shape[-1], name="conv")(y)


class AttentionBlock(nn.Module):
    """x + scale attention(conv(relu(conv(x)))): [B, H, W, C] -> [B, H, W, C].

    Args:
        conv: constructor of convolutions, see ChannelAttention.
        hidden: channels inside of attention.
        scale: what the branch is multiplied by.
    """

    conv: Callable
    hidden: int
    scale: float = 1.0

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The paper's equation 9."""
        width = x.shape[-1]
        y = nn.relu(self.conv(width, name="rcab_0")(x))
        y = self.conv(width, name="rcab_2")(y)
        y = ChannelAttention(self.conv, self.hidden, name="rcab_3")(y)
        return x + self.scale * y


class ChannelAttention(nn.Module):
    """Scales channels by a small network of their means, in at least float32.

    Args:
        conv: constructor, called as conv(features, kernel_size=1, name=...), for the
            second one with the number of its `inputs`.
        hidden: channels between its two layers.
    """

    conv: Callable
    hidden: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        means = global_avg_pool(x)[:, None, None].astype(x.dtype)
        y = self.conv(self.hidden, kernel_size=1, name="attention_1")(means)
        given = {"inputs": self.hidden, "name": "attention_3"}
        y = self.conv(x.shape[-1], kernel_size=1, **given)(nn.relu(y))
        return x * nn.sigmoid(y)
