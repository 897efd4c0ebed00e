"""What a degradation is: the input and the target that a clean image gives."""

import dataclasses

from jax import Array


@dataclasses.dataclass(frozen=True)
class Degradation:
    """How the input of a network is made of a clean image, and what it is to answer.

    Everything is in [0, 1] units, pure, and of one image: a batch is mapped over it.
    This one changes nothing.
    """

    @property
    def scale(self) -> int:
        """How many times larger the answer is than the input."""
        return 1

    @property
    def margin(self) -> int:
        """Pixels at the input's border that a patch makes otherwise than its image."""
        return 0

    def channels(self, channels: int) -> tuple[int, int]:
        """Of the input and of the target, for images of so many.

        Raises:
            ValueError: it is not for such images.
        """
        return channels, channels

    @property
    def shows(self) -> bool:
        """Whether input and target are images for people as they are."""
        return True

    def encode(self, image: Array) -> Array:
        """The input that somebody's own image is, with nothing done to it."""
        return image

    def degrade(self, key: Array, clean: Array) -> Array:
        """The input [h, w, c] of a clean image [scale h, scale w, C]."""
        return self.encode(clean)

    def target(self, clean: Array) -> Array:
        """What the network is to make of the input, [scale h, scale w, c']."""
        return clean

    def seen(self, low: Array) -> Array:
        """An input for people, of the clean image's size: what one has without help."""
        return low

    def image(self, low: Array, answer: Array) -> Array:
        """An image for people, of an input and a network's answer to it."""
        return answer
