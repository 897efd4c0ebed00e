"""Networks over images of any size: in tiles, without a seam, in little memory."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

Network = Callable[[np.ndarray], np.ndarray]
"""Images [B, H, W, C] -> float images [B, scale H, scale W, C'] of any range."""


@dataclasses.dataclass
class Seams:
    """How far tiles that overlap are from one another, in the network's units.

    Attributes:
        largest: absolute difference of two values for one place.
        total: the sum of all of them.
        count: how many there are; 0 where nothing overlapped.
    """

    largest: float = 0.0
    total: float = 0.0
    count: int = 0

    def add(self, one: np.ndarray, other: np.ndarray) -> None:
        """Takes what two tiles say of one place."""
        if one.size:
            apart = np.abs(one - other)
            self.largest = max(self.largest, float(apart.max()))
            self.total += float(apart.sum(dtype=np.float64))
            self.count += apart.size

    @property
    def mean(self) -> float:
        """Of the absolute differences; 0 where nothing overlapped."""
        return self.total / max(self.count, 1)


class Side(NamedTuple):
    """One side of an image, cut up.

    Attributes:
        length: with the padding.
        size: of every window.
        starts: where windows begin.
        weights: [windows, scale size], each window's part in what it covers; the parts
            of one place add up to 1.
    """

    length: int
    size: int
    starts: tuple[int, ...]
    weights: np.ndarray


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How images are cut up for a network.

    The network sees windows of `tile` pixels and a margin around them, all of one
    shape, so that it is compiled once. At the borders of the image a window ends where
    the image ends, and the network's own padding acts there; inside it never does, as
    long as the margin is as wide as what an output depends on: then tiles equal the
    whole image up to rounding. With `blend` neighbors fade into each other over twice
    the margin instead, which hides the seams of networks that see the whole window.

    An image smaller than a window is one tile. Sides are padded by reflection, at
    the bottom and on the right, to a multiple of `multiple`, and cut again.

    Attributes:
        tile: side in pixels of the input; 0 for the whole image.
        margin: pixels of the input around a tile that the network sees too.
        scale: of the network.
        multiple: what the sides of its input must be a multiple of.
        blend: fade, rather than cut.
    """

    tile: int
    margin: int = 0
    scale: int = 1
    multiple: int = 1
    blend: bool = False

    def count(self, height: int, width: int) -> int:
        """The number of tiles of an image."""
        return len(self.side(height).starts) * len(self.side(width).starts)

    def side(self, length: int) -> Side:
        """The windows of one side of an image."""
        padded = _up(length, self.multiple)
        # Strided layers see the same as in the whole image only at whole strides.
        margin = self.margin if self.blend else _up(self.margin, self.multiple)
        size = _up(_up(self.tile, self.multiple) + 2 * margin, self.multiple)
        if not self.tile or padded <= size:
            return Side(padded, padded, (0,), np.ones((1, padded * self.scale), "f4"))
        regular = range(0, padded - size, size - 2 * margin)
        starts = (*regular, padded - size)
        if self.blend:
            shares = _fading(starts, size, 2 * margin, self.scale)
        else:
            shares = _cut(starts, size, self.scale)
        return Side(padded, size, starts, shares)

    def bands(
        self,
        network: Network,
        image: np.ndarray,
        *,
        batch_size: int = 1,
        each: Callable[[], None] = lambda: None,
        seams: Seams | None = None,
    ) -> Iterator[np.ndarray]:
        """The output from top to bottom, in bands as wide as the image.

        Memory is that of the image, of one band as high as a window, and of the
        network on `batch_size` windows.

        Args:
            network: over batches of windows, in the type of the image.
            image: [H, W, C].
            batch_size: windows at once; there are always that many, so that there is
                one shape.
            each: called after every tile.
            seams: told the differences of tiles that are blended.

        Yields:
            float32 [h, scale W, C'], scale H rows in all.
        """
        scale, (height, width) = self.scale, image.shape[:2]
        rows, columns = self.side(height), self.side(width)
        take_y, take_x = _reflected(height, rows), _reflected(width, columns)
        above = Neighbors(seams if self.blend else None, scale)
        band = np.zeros((0, 0, 0), np.float32)
        for number, top in enumerate(rows.starts):
            strip = image[take_y[top : top + rows.size]]
            windows = (strip[:, take_x[x : x + columns.size]] for x in columns.starts)
            weights_y = rows.weights[number][:, None, None]
            for i, made in enumerate(_batched(network, windows, batch_size)):
                left, wide = scale * columns.starts[i], made.shape[1]
                if not band.size:
                    shape = scale * rows.size, scale * columns.length, made.shape[2]
                    band = np.zeros(shape, np.float32)
                weights = weights_y * columns.weights[i][:, None]
                band[:, left : left + wide] += weights * made
                above.meet(made, top, columns.starts[i])
                each()
            following = (*rows.starts, height)[number + 1]
            done = scale * (min(following, height) - top)
            yield band[:done, : scale * width]
            band = np.concatenate([band[done:], np.zeros_like(band[:done])])

    def whole(self, network: Network, image: np.ndarray, **options) -> np.ndarray:
        """The output in one, float32 [scale H, scale W, C']; see `bands`."""
        return np.concatenate(list(self.bands(network, image, **options)))


class Neighbors:
    """Compares each tile with the one on its left and the one above."""

    def __init__(self, seams: Seams | None, scale: int):
        """Takes what is told of differences, if anything is, and the scale."""
        self._seams, self._scale = seams, scale
        self._left: tuple[int, int, np.ndarray] | None = None
        self._above: dict[int, tuple[int, np.ndarray]] = {}

    def meet(self, made: np.ndarray, top: int, left: int) -> None:
        """Takes the tile whose window begins at `top` and `left`."""
        if self._seams is None:
            return
        if self._left is not None and self._left[0] == top:
            shift = self._scale * (left - self._left[1])
            other = self._left[2]
            self._seams.add(other[:, shift:], made[:, : other.shape[1] - shift])
        if left in self._above:
            start, other = self._above[left]
            shift = self._scale * (top - start)
            self._seams.add(other[shift:], made[: len(other) - shift])
        self._left, self._above[left] = (top, left, made), (top, made)


def self_ensemble(network: Network) -> Network:
    """The network's mean over the eight flips and quarter turns of its input.

    Each output is turned back before: the geometric self-ensemble of Lim et al. 2017
    (EDSR+), arXiv:1707.02921, section 3.3, after Timofte et al. 2016, arXiv:1511.02228.
    """

    def averaged(images: np.ndarray) -> np.ndarray:
        made = []
        for turns, flip in itertools.product(range(4), (False, True)):
            seen = np.rot90(images[:, :, ::-1] if flip else images, turns, (1, 2))
            found = np.rot90(np.asarray(network(seen)), -turns, (1, 2))
            made.append(found[:, :, ::-1] if flip else found)
        return sum(made[1:], made[0]) / len(made)

    return averaged


def _batched(
    network: Network, windows: Iterable[np.ndarray], size: int
) -> Iterator[np.ndarray]:
    """The network's output for each window."""
    windows = iter(windows)
    while batch := list(itertools.islice(windows, size)):
        filled = [*batch, *[batch[-1]] * (size - len(batch))]
        yield from np.asarray(network(np.stack(filled)), np.float32)[: len(batch)]


def _cut(starts: tuple[int, ...], size: int, scale: int) -> np.ndarray:
    """Each window's share, 0 or 1: neighbors meet in the middle of their overlap."""
    cuts = [(a + size + b) // 2 for a, b in itertools.pairwise(starts)]
    begins, ends = [0, *cuts], [*cuts, starts[-1] + size]
    place = np.arange(scale * size) // scale + np.array(starts)[:, None]
    kept = (np.array(begins)[:, None] <= place) & (place < np.array(ends)[:, None])
    return kept.astype(np.float32)


def _fading(starts: tuple[int, ...], size: int, overlap: int, scale: int) -> np.ndarray:
    """Each window's share, growing linearly from where it begins inside the image."""
    wide, begins = scale * size, scale * np.array(starts)
    ramp = np.minimum((np.arange(wide) + 0.5) / max(scale * overlap, 1), 1.0)
    shares = np.tile(ramp * ramp[::-1], (len(starts), 1))
    shares[0], shares[-1] = ramp[::-1], ramp
    total = np.zeros(scale * (starts[-1] + size))
    for share, begin in zip(shares, begins, strict=True):
        total[begin : begin + wide] += share
    for share, begin in zip(shares, begins, strict=True):
        share /= total[begin : begin + wide]
    return shares.astype(np.float32)


def _reflected(length: int, side: Side) -> np.ndarray:
    """Where each pixel of a padded side comes from."""
    return np.pad(np.arange(length), (0, side.length - length), "reflect")


def _up(value: int, multiple: int) -> int:
    """The next multiple."""
    return -(-value // multiple) * multiple
