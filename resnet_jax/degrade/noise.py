"""Noise of a camera: Gaussian, drawn for every pixel and channel."""

import dataclasses

import jax
from jax import Array

from resnet_jax.degrade.base import Degradation
from resnet_jax.degrade.span import Span, check_span, draw


@dataclasses.dataclass(frozen=True)
class Noise(Degradation):
    """Adds N(0, sigma / 255); the result is neither clipped nor rounded.

    Zhang et al. 2016 (DnCNN), arXiv:1608.03981, section III.A.

    Attributes:
        sigma: in grey levels of 255; (low, high) is drawn per image: blind denoising.

    Raises:
        ValueError: sigma is negative or no range.
    """

    sigma: Span = 25.0

    def __post_init__(self):
        check_span("sigma", self.sigma, 0, 255)

    def degrade(self, key: Array, clean: Array) -> Array:
        """The image with noise."""
        sigma_key, noise_key = jax.random.split(key)
        sigma = draw(sigma_key, self.sigma) / 255
        return clean + sigma * jax.random.normal(noise_key, clean.shape, clean.dtype)
