"""Self-attention between the positions of a feature map."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.precision import at_least_float32
from resnet_jax.nn.resampling import max_pool


class SelfAttention(nn.Module):
    """x + gamma * attention(x), where gamma starts at zero.

    Zhang et al. 2018, arXiv:1805.08318, section 3, as in the code released for it and
    for BigGAN: queries and keys of C / 8 channels and values of C / 2, keys and values
    max-pooled 2x2, no biases, no scale under the softmax (which is at least float32).

    Args:
        conv: constructor of the four 1x1 convolutions.
    """

    conv: Callable = Conv

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        batch, height, width, channels = x.shape
        wide = at_least_float32(x.dtype)
        queries = self.conv(max(channels // 8, 1), 1, name="theta")(x)
        keys = max_pool(self.conv(max(channels // 8, 1), 1, name="phi")(x), 2)
        values = max_pool(self.conv(max(channels // 2, 1), 1, name="g")(x), 2)
        queries, keys, values = (
            y.reshape(batch, -1, y.shape[-1]) for y in (queries, keys, values)
        )
        scores = jnp.einsum("bqc,bkc->bqk", queries, keys, preferred_element_type=wide)
        weights = jax.nn.softmax(scores).astype(values.dtype)
        y = jnp.einsum("bqk,bkc->bqc", weights, values)
        y = self.conv(channels, 1, name="o")(y.reshape(batch, height, width, -1))
        gamma = self.param("gamma", nn.initializers.zeros, (), wide)
        return x + gamma.astype(y.dtype) * y
