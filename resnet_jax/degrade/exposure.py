"""A photograph taken in bad light: dark, flat and noisy."""

import dataclasses

import jax
from jax import Array

from resnet_jax.degrade.base import Degradation
from resnet_jax.degrade.span import Span, check_span, draw


@dataclasses.dataclass(frozen=True)
class Exposure(Degradation):
    """(0.5 + contrast (x - 0.5))^gamma + noise, each strength drawn per image.

    Attributes:
        gamma: above 1 darkens.
        contrast: below 1 flattens.
        sigma: of Gaussian noise, in grey levels of 255.

    Raises:
        ValueError: a strength is out of range.
    """

    gamma: Span = (1.0, 2.5)
    contrast: Span = (0.4, 1.0)
    sigma: Span = (0.0, 15.0)

    def __post_init__(self):
        check_span("gamma", self.gamma, 0.1, 10)
        check_span("contrast", self.contrast, 0.01, 1)
        check_span("sigma", self.sigma, 0, 255)

    def degrade(self, key: Array, clean: Array) -> Array:
        """The image in bad light; noise may lead out of [0, 1]."""
        *keys, noise_key = jax.random.split(key, 4)
        gamma, contrast, sigma = map(
            draw, keys, (self.gamma, self.contrast, self.sigma)
        )
        flat = 0.5 + contrast * (clean - 0.5)
        noise = jax.random.normal(noise_key, clean.shape, clean.dtype)
        return flat**gamma + sigma / 255 * noise
