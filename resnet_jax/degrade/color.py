"""Color taken away, to be guessed from lightness."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from resnet_jax.degrade.base import Degradation
from resnet_jax.lab import lab_to_rgb, rgb_to_lab

# The green-red and blue-yellow axes reach from -110 to 110 in what is learned.
REACH = 110.0


@dataclasses.dataclass(frozen=True)
class Colorless(Degradation):
    """Input is the lightness L of CIE 1976, the target its two color axes a and b.

    In [0, 1] units: L / 100 and (ab + 110) / 220, which are L / 50 - 1 and ab / 110 in
    [-1, 1]: the colorization of Isola et al. 2016 (pix2pix), arXiv:1611.07004, as their
    PyTorch program has it.
    """

    def channels(self, channels: int) -> tuple[int, int]:
        """One for lightness, two for color."""
        if channels != 3:
            raise ValueError(
                f"degradation 'colorless' takes color images, not such of {channels} "
                f"channel{'s' if channels > 1 else ''}; set data.source.channels to 3."
            )
        return 1, 2

    @property
    def shows(self) -> bool:
        """Lightness alone does, color alone does not."""
        return False

    def encode(self, image: Array) -> Array:
        """Lightness."""
        return rgb_to_lab(image)[..., :1] / 100

    def target(self, clean: Array) -> Array:
        """Color."""
        return (rgb_to_lab(clean)[..., 1:] + REACH) / (2 * REACH)

    def seen(self, low: Array) -> Array:
        """The image in grey."""
        return self.image(low, jnp.full((*low.shape[:-1], 2), 0.5, low.dtype))

    def image(self, low: Array, answer: Array) -> Array:
        """RGB of lightness and color, within [0, 1]."""
        color = 2 * REACH * answer - REACH
        return jnp.clip(lab_to_rgb(jnp.concatenate([100 * low, color], -1)), 0, 1)
