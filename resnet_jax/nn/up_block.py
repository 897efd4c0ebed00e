"""The residual block of generators."""

from collections.abc import Callable

import flax.linen as nn
import jax
from flax.linen.initializers import glorot_uniform

from resnet_jax.nn.conditional import LabelNorm
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.resampling import upsample_nearest


class UpBlock(nn.Module):
    """Doubles an image: norm, act, upsampling, 3x3, norm, act, 3x3, and a shortcut.

    Gulrajani et al. 2017, arXiv:1704.00028, appendix F; Miyato et al. 2018,
    arXiv:1802.05957, appendix B.4. The shortcut is upsampled and goes through a 1x1
    convolution, which here comes first: the same numbers for a quarter of the work.
    The first 3x3 convolution is computed with its upsampling, see nn/resampled.py.

    Args:
        features: channels that it puts out.
        conv: constructor of convolutions, all with bias.
        norm: constructor of norms, called as norm(x, condition, train).
        shortcut_init: of the shortcut's kernel.
        project: whether a shortcut of unchanged width has the convolution too.
        residual: False leaves the shortcut away.
    """

    features: int
    conv: Callable = Conv
    norm: Callable = LabelNorm
    act: Callable = nn.relu
    shortcut_init: Callable = glorot_uniform()
    project: bool = True
    residual: bool = True

    @nn.compact
    def __call__(
        self, x: jax.Array, condition: jax.Array | None, train: bool
    ) -> jax.Array:
        """[B, H, W, C] -> [B, 2 H, 2 W, features]."""
        y = self.act(self.norm(name="bn1")(x, condition, train))
        given = {"use_bias": True, "resample": "up"}
        y = self.conv(self.features, 3, **given, name="conv1")(y)
        y = self.act(self.norm(name="bn2")(y, condition, train))
        y = self.conv(self.features, 3, use_bias=True, name="conv2")(y)
        if not self.residual:
            return y
        if self.project or x.shape[-1] != self.features:
            given = {"use_bias": True, "kernel_init": self.shortcut_init}
            x = self.conv(self.features, 1, **given, name="shortcut")(x)
        return y + upsample_nearest(x)
