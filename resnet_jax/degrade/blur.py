"""Blur of a lens out of focus: a Gaussian."""

import dataclasses

import jax.numpy as jnp
from jax import Array, lax

from resnet_jax.degrade.base import Degradation
from resnet_jax.degrade.span import Span, check_span, draw


@dataclasses.dataclass(frozen=True)
class Blur(Degradation):
    """Convolves with a Gaussian, rows then columns; the border is mirrored.

    Attributes:
        sigma: its width in pixels; (low, high) is drawn per image.

    Raises:
        ValueError: sigma is out of range.
    """

    sigma: Span = (0.2, 3.0)

    def __post_init__(self):
        check_span("sigma", self.sigma, 0.1, 10)

    @property
    def margin(self) -> int:
        """Three times the largest width: 0.3 % of the Gaussian lies beyond it."""
        widest = self.sigma if isinstance(self.sigma, int | float) else self.sigma[1]
        return int(-(-3 * widest // 1))

    def degrade(self, key: Array, clean: Array) -> Array:
        """The blurred image."""
        reach, sigma = self.margin, draw(key, self.sigma)
        weights = jnp.exp(-0.5 * (jnp.arange(-reach, reach + 1) / sigma) ** 2)
        weights = (weights / weights.sum()).astype(clean.dtype)
        for axis in (0, 1):
            size = clean.shape[axis]
            around = [(reach, reach) if i == axis else (0, 0) for i in range(3)]
            padded = jnp.pad(clean, around, mode="symmetric")
            shifted = (
                weight * lax.slice_in_dim(padded, i, i + size, axis=axis)
                for i, weight in enumerate(weights)
            )
            clean = sum(shifted, jnp.zeros_like(clean))
        return clean
