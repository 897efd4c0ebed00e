"""Norms whose scale and bias depend on a class, or on a vector."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax

from resnet_jax.nn.dense import Dense, Embed
from resnet_jax.nn.normalization import BatchNorm


class LabelNorm(nn.Module):
    """A norm with a scale and a bias for each class.

    Dumoulin et al. 2016, arXiv:1610.07629, eq. 5; tables [num_classes, C] that start
    at 1 and 0. It ignores labels where there are no classes, and is the norm itself.

    Args:
        num_classes: 0 for none.
        norm: constructor of the norm.
        dtype: type of scales and biases; None is float32.
        scale_init: of the scales.
    """

    num_classes: int = 0
    norm: Callable = BatchNorm
    dtype: Any = None
    scale_init: Callable = nn.initializers.ones

    @nn.compact
    def __call__(
        self, x: jax.Array, labels: jax.Array | None, train: bool
    ) -> jax.Array:
        """Normalizes [B, ..., C] by the class of each example, int [B]."""
        if labels is None or not self.num_classes:
            return self.norm(scale_init=self.scale_init, name="norm")(x, train)
        y = self.norm(use_scale=False, use_bias=False, name="norm")(x, train)
        scale, bias = (
            Embed(self.num_classes, x.shape[-1], init, self.dtype, name=name)(labels)
            for name, init in (
                ("scale", self.scale_init),
                ("bias", nn.initializers.zeros),
            )
        )
        return _modulate(y, scale, bias)


class VectorNorm(nn.Module):
    """A norm whose gain and bias are linear maps of a vector: y (1 + gain) + bias.

    Brock et al. 2018, arXiv:1809.11096, appendix B: the vector is an embedding of the
    class, shared by all norms, with a piece of the latents.

    Args:
        norm: constructor of the norm.
        dense: constructor of the maps, which have no bias.
    """

    norm: Callable = BatchNorm
    dense: Callable = Dense

    @nn.compact
    def __call__(self, x: jax.Array, vector: jax.Array, train: bool) -> jax.Array:
        """Normalizes [B, ..., C] by a vector for each example, [B, D]."""
        y = self.norm(use_scale=False, use_bias=False, name="norm")(x, train)
        gain, bias = (
            self.dense(x.shape[-1], use_bias=False, name=name)(vector)
            for name in ("gain", "bias")
        )
        return _modulate(y, 1 + gain, bias)


def _modulate(y: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
    """y [B, ..., C] scaled and shifted by [B, C], in the type of y."""
    shape = (len(y), *(1,) * (y.ndim - 2), -1)
    return (y * scale.reshape(shape) + bias.reshape(shape)).astype(y.dtype)
