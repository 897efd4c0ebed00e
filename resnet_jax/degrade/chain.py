"""Several degradations, one after the other."""

import dataclasses
import math

import jax
from jax import Array

from resnet_jax.degrade.base import Degradation


@dataclasses.dataclass(frozen=True)
class Chain(Degradation):
    """What all of them do to an image, in order; part i gets fold_in(key, i).

    Attributes:
        parts: whose target is the clean image.

    Raises:
        ValueError: there is no part, or one whose target is another.
    """

    parts: tuple[Degradation, ...] = ()

    def __post_init__(self):
        if not self.parts:
            raise ValueError("degradation 'chain' has no parts; name one or more.")
        for part in self.parts:
            if not part.shows:
                raise ValueError(
                    f"degradation 'chain' has a part {type(part).__name__}, whose "
                    "target is no image; use it alone."
                )

    @property
    def scale(self) -> int:
        """The product of the parts'."""
        return math.prod(part.scale for part in self.parts)

    @property
    def margin(self) -> int:
        """What the parts add up to, in pixels of the last one's result."""
        margin = 0
        for part in self.parts:
            margin = -(-margin // part.scale) + part.margin
        return margin

    def channels(self, channels: int) -> tuple[int, int]:
        """The image's, where every part takes it."""
        for part in self.parts:
            part.channels(channels)
        return channels, channels

    def seen(self, low: Array) -> Array:
        """Enlarged where a part had made it small."""
        for part in reversed(self.parts):
            low = part.seen(low)
        return low

    def degrade(self, key: Array, clean: Array) -> Array:
        """The image after all parts."""
        for number, part in enumerate(self.parts):
            clean = part.degrade(jax.random.fold_in(key, number), clean)
        return clean
