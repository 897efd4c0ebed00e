"""Large pictures shown small: as a whole, and a part of them in full."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from resnet_jax.report.pictures import picture

SIDE = 480  # of a small picture, at most
PART = 240  # of a part of the result


class Box(NamedTuple):
    """A part of a picture."""

    top: int
    left: int
    height: int
    width: int

    def times(self, scale: int) -> "Box":
        """The same part of the picture enlarged."""
        return Box(*(scale * side for side in self))

    def of(self, image: np.ndarray) -> np.ndarray:
        """The part, [height, width, ...]."""
        return image[self.top :][: self.height, self.left :][:, : self.width]


def busiest(image: np.ndarray, side: int) -> Box:
    """The square, of those side by side, whose brightness differs most.

    Args:
        image: [H, W, C], uint8 or uint16.
        side: of the square; what is smaller is taken whole.
    """
    height, width = (min(side, length) for length in image.shape[:2])
    rows, columns = (n // m for n, m in zip(image.shape, (height, width), strict=False))
    best, place = -1.0, (0, 0)
    for row in range(rows):
        strip = image[row * height : (row + 1) * height, : columns * width]
        squares = strip.mean(-1).reshape(height, columns, width)
        spread = squares.std((0, 2))
        if spread.max() > best:
            best, place = float(spread.max()), (row, int(spread.argmax()))
    return Box(place[0] * height, place[1] * width, height, width)


def shrinking(height: int, width: int) -> int:
    """How many times smaller a picture is shown."""
    return max(1, -(-max(height, width) // SIDE))


class Preview:
    """A picture that arrives in rows, from top to bottom.

    Attributes:
        box: the part of it that is kept in full.
    """

    def __init__(
        self, height: int, width: int, channels: int, box: Box, factor: int = 0
    ):
        """Takes its size, the part, and how many times smaller it is shown."""
        self.box = box
        self._factor = factor or shrinking(height, width)
        small = -(-height // self._factor), -(-width // self._factor), channels
        self._sums, self._counts = np.zeros(small), np.zeros(small[:2])
        self._part: list[np.ndarray] = []
        self._top, self._peak = 0, 255

    def add(self, rows: np.ndarray) -> None:
        """Takes rows [h, width, channels], uint8 or uint16."""
        self._peak = int(np.iinfo(rows.dtype).max)
        columns = np.arange(0, rows.shape[1], self._factor)
        places = (self._top + np.arange(len(rows))) // self._factor
        # Enough at once to be quick, and few enough to be small.
        for place in np.unique(places):
            chosen = rows[places == place]
            sums = chosen.sum(0, dtype=np.float64)
            self._sums[place] += np.add.reduceat(sums, columns)
            wide = np.diff([*columns, rows.shape[1]])
            self._counts[place] += len(chosen) * wide
        first = max(self.box.top - self._top, 0)
        last = max(self.box.top + self.box.height - self._top, 0)
        left = self.box.left
        self._part.append(rows[first:last, left : left + self.box.width].copy())
        self._top += len(rows)

    def small(self) -> Image.Image:
        """The whole picture, its longer side at most 480 pixels: means of squares."""
        return picture(self._sums / self._counts[..., None] / self._peak)

    def part(self) -> np.ndarray:
        """The part in full, uint8 or uint16."""
        return np.concatenate(self._part)
