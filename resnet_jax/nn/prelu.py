"""ReLU whose slope below zero is learned."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.nn.precision import at_least_float32


class PReLU(nn.Module):
    """max(x, 0) + slope min(x, 0), with one slope for all channels.

    He et al. 2015, arXiv:1502.01852, equation 1; the slope starts at 0.25 (section
    2.1). It is [1], in float32 or float64.
    """

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Any shape, which it keeps, as the type."""
        init = nn.initializers.constant(0.25)
        slope = self.param("slope", init, (1,), at_least_float32(x.dtype))
        return jnp.where(x >= 0, x, slope.astype(x.dtype) * x)
