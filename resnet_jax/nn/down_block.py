"""The residual block of discriminators."""

from collections.abc import Callable

import flax.linen as nn
import jax
from flax.linen.initializers import glorot_uniform

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.resampling import avg_pool


class DownBlock(nn.Module):
    """act, 3x3, act, 3x3, average pooling, and a shortcut; no norm.

    Gulrajani et al. 2017, arXiv:1704.00028, appendix F; Miyato et al. 2018,
    arXiv:1802.05957, appendix B.4. Where the block changes the shape, its shortcut is
    pooled and goes through a 1x1 convolution. The two can be swapped without any change
    to the numbers; pooling first is a quarter of the work.

    Args:
        features: channels that it puts out.
        hidden: channels between the convolutions; None is those of its input.
        strides: 2 halves the image, 1 keeps it.
        preact: activates the input; not in the first block, which gets images.
        conv: constructor of convolutions, all with bias.
        shortcut_init: of the shortcut's kernel.
        residual: False leaves the shortcut away.
    """

    features: int
    hidden: int | None = None
    strides: int = 2
    preact: bool = True
    conv: Callable = Conv
    act: Callable = nn.relu
    shortcut_init: Callable = glorot_uniform()
    residual: bool = True

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H / strides, W / strides, features]."""
        hidden = self.hidden or x.shape[-1]
        y = self.act(x) if self.preact else x
        y = self.act(self.conv(hidden, 3, use_bias=True, name="conv1")(y))
        y = self.conv(self.features, 3, use_bias=True, name="conv2")(y)
        y = avg_pool(y, self.strides)
        if not self.residual:
            return y
        if self.strides != 1 or x.shape[-1] != self.features:
            given = {"use_bias": True, "kernel_init": self.shortcut_init}
            x = avg_pool(x, self.strides)
            x = self.conv(self.features, 1, **given, name="shortcut")(x)
        return x + y
