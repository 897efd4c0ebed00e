"""The residual block of discriminators."""

from collections.abc import Callable
from functools import partial

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
    to the numbers; pooling first is a quarter of the work. The last 3x3 convolution is
    computed with its pooling, see nn/resampled.py.

    Args:
        features: channels that it puts out.
        hidden: channels between the convolutions; None is those of its input.
        strides: 2 halves the image, 1 keeps it.
        preact: activates the input; not in the first block, which gets images.
        conv: constructor of convolutions, all with bias.
        shortcut_init: of the shortcut's kernel.
        project: whether a shortcut of unchanged width that is pooled has the
            convolution too.
        residual: False leaves the shortcut away.
    """

    features: int
    hidden: int | None = None
    strides: int = 2
    preact: bool = True
    conv: Callable = Conv
    act: Callable = nn.relu
    shortcut_init: Callable = glorot_uniform()
    project: bool = True
    residual: bool = True

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H / strides, W / strides, features]."""
        hidden = self.hidden or x.shape[-1]
        y = self.act(x) if self.preact else x
        y = self.act(self.conv(hidden, 3, use_bias=True, name="conv1")(y))
        resample = "down" if self.strides == 2 else None
        conv = partial(self.conv, use_bias=True, resample=resample)
        y = conv(self.features, 3, name="conv2")(y)
        if not self.residual:
            return y
        pooled = self.strides != 1
        x = avg_pool(x, self.strides) if pooled else x
        if (pooled and self.project) or x.shape[-1] != self.features:
            given = {"use_bias": True, "kernel_init": self.shortcut_init}
            x = self.conv(self.features, 1, **given, name="shortcut")(x)
        return x + y
