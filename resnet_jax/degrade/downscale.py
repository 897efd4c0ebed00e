"""Small images of large ones, as super-resolution is measured."""

import dataclasses
from fractions import Fraction

from jax import Array

from resnet_jax.bicubic import resize
from resnet_jax.degrade.base import Degradation


@dataclasses.dataclass(frozen=True)
class Downscale(Degradation):
    """Bicubic, rounded to grey levels after each pass: the published sets' recipe.

    See bicubic.py. A patch's outermost pixels, which its own border was continued for,
    differ from those of its whole image: `margin` says how many.

    Attributes:
        factor: how many times smaller each side becomes, a whole number from 2.

    Raises:
        ValueError: it is not.
    """

    factor: int = 4

    def __post_init__(self):
        if self.factor < 2:
            raise ValueError(
                f"degradation.factor is {self.factor}; expected a whole number from 2."
            )

    @property
    def scale(self) -> int:
        """The factor."""
        return self.factor

    @property
    def margin(self) -> int:
        """The reach of Keys' kernel."""
        return 2

    def degrade(self, key: Array, clean: Array) -> Array:
        """The small image."""
        return resize(clean, Fraction(1, self.factor), rounded=True)

    def seen(self, low: Array) -> Array:
        """The small image enlarged by the same kernel."""
        return resize(low, self.factor)
