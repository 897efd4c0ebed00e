"""The residual block of R3GAN."""

from collections.abc import Callable

import flax.linen as nn
import jax
from flax.linen.initializers import zeros

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.initialization import scaled_normal

SLOPE = 0.2


class InvertedBottleneck(nn.Module):
    """1x1 that widens, grouped 3x3, 1x1 that narrows, added to the input; no norm.

    Huang et al. 2025, arXiv:2501.05441, section 3 (config E): leaky ReLU of slope 0.2
    behind the first two, biases there only. The first two kernels are drawn from
    N(0, g / sqrt(fan_in)), g = gain sqrt(2 / (1 + 0.2^2)); the last one is zero, so
    that the block starts as the identity.

    Args:
        gain: (residual blocks of the network)^(-1/4).
        group_size: channels of a group of the 3x3 convolution.
        expansion: channels inside, in units of those outside.
        conv: constructor of convolutions.
    """

    gain: float = 1.0
    group_size: int = 16
    expansion: int = 2
    conv: Callable = Conv

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        inside = self.expansion * x.shape[-1]
        groups = inside // self.group_size
        init = scaled_normal(self.gain * (2 / (1 + SLOPE**2)) ** 0.5)
        given = {"use_bias": True, "kernel_init": init}
        y = self.conv(inside, 1, **given, name="conv1")(x)
        y = nn.leaky_relu(y, SLOPE)
        y = self.conv(inside, 3, groups=groups, **given, name="conv2")(y)
        y = nn.leaky_relu(y, SLOPE)
        return x + self.conv(x.shape[-1], 1, kernel_init=zeros, name="conv3")(y)
