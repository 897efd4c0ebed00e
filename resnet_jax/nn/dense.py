"""Linear layers: of vectors, and of class labels."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from flax.linen.initializers import glorot_uniform

from resnet_jax.nn.precision import at_least_float32


class Dense(nn.Module):
    """Linear map of vectors, [B, C] -> [B, features].

    Computes in `dtype`, or the promoted type of input and parameters where it is None;
    params are float32, or float64 for such a dtype.
    """

    features: int
    use_bias: bool = True
    kernel_init: Callable = glorot_uniform()
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps a batch of vectors."""
        wide = at_least_float32(self.dtype or jnp.float32)
        shape = (x.shape[-1], self.features)
        kernel = self.prepare(self.param("kernel", self.kernel_init, shape, wide))
        bias = None
        if self.use_bias:
            bias = self.param("bias", self.bias_init, shape[1:], wide)
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        y = x @ kernel
        return y if bias is None else y + bias

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """What the vectors are multiplied by: the parameter itself."""
        return kernel


class Embed(nn.Module):
    """A vector for each class, int [B] -> [B, features]: linear in the one-hot label.

    The table, `embedding`, is [num_classes, features]; the output is of its type, or
    `dtype`.
    """

    num_classes: int
    features: int
    kernel_init: Callable = glorot_uniform()
    dtype: Any = None

    @nn.compact
    def __call__(self, labels: jax.Array) -> jax.Array:
        """Looks labels up; NaN where there is no such class."""
        wide = at_least_float32(self.dtype or jnp.float32)
        shape = (self.num_classes, self.features)
        table = self.prepare(self.param("embedding", self.kernel_init, shape, wide))
        return jnp.take(table.astype(self.dtype or wide), labels, axis=0)

    def prepare(self, table: jax.Array) -> jax.Array:
        """What the rows are taken of: the parameter itself."""
        return table
