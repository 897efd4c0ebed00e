"""The residual block of super-resolution without batch norm."""

from collections.abc import Callable

import flax.linen as nn
import jax


class EnhancedBlock(nn.Module):
    """x + scale conv2(relu(conv1(x))): [B, H, W, C] -> [B, H, W, C].

    Lim et al. 2017, arXiv:1707.02921, figure 2c and section 3.3.

    Args:
        conv: constructor of 3x3 convolutions, called as conv(features, name=...).
        scale: what the branch is multiplied by, 0.1 in wide networks.
    """

    conv: Callable
    scale: float = 1.0

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """There is no activation behind the sum."""
        width = x.shape[-1]
        y = nn.relu(self.conv(width, name="conv1")(x))
        return x + self.scale * self.conv(width, name="conv2")(y)
