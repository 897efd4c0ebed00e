"""One image file through a network, for `transform`."""

import dataclasses
import pathlib
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from PIL import Image

from resnet_jax.bicubic import bicubic
from resnet_jax.data.picture import Picture, picture_size, read_picture
from resnet_jax.data.picture_file import written
from resnet_jax.report.pictures import picture as shown_picture
from resnet_jax.report.preview import PART, Box, Preview, busiest, shrinking
from resnet_jax.report.text import number
from resnet_jax.tiles import Network, Seams, Tiling, self_ensemble
from resnet_jax.translator import Translator

# Rows that an enlarged row of alpha depends on, above and below, and more.
ALPHA_MARGIN = 4


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of an image.

    Attributes:
        size: before and after.
        note: what is worth knowing.
        shown: pictures of it by caption, before and after.
    """

    size: str
    note: str
    shown: dict[str, Image.Image]


@dataclasses.dataclass(frozen=True)
class Translation:
    """A network and how it is used.

    Attributes:
        translator: the network.
        tiling: how images are cut up for it.
        ensemble: whether the outputs of eight flips and turns are averaged.
        batch_size: tiles at once.
    """

    translator: Translator
    tiling: Tiling
    ensemble: bool = False
    batch_size: int = 1

    def tiles(self, file: pathlib.Path) -> int:
        """The number of tiles of an image file, 0 where it is none."""
        size = picture_size(file)
        return self.tiling.count(*size) if size else 0

    def write(
        self, file: pathlib.Path, target: pathlib.Path, each: Callable[[], None]
    ) -> Result:
        """Reads an image, and writes what the network makes of it.

        Args:
            file: the image.
            target: the new file, of the same kind.
            each: called after every tile.

        Raises:
            BadImage: a ValueError, see read_picture.
            ValueError: the kind of file cannot hold the result, or that has values that
                are not finite.
            OSError: the new file cannot be written.
        """
        before, scale = read_picture(file), self.translator.scale
        network, channels = self._network(before)
        height, width = (scale * side for side in before.size)
        box = busiest(before.pixels, max(1, PART // scale))
        # Side by side at one size, unless that is all there is to see of a small one.
        smaller = shrinking(*before.size)
        smaller = scale * smaller if smaller > 1 else 0
        preview = Preview(height, width, channels, box.times(scale), smaller)
        seams, alpha = Seams(), before.alpha is not None
        bands = self.tiling.bands(
            network,
            before.pixels,
            batch_size=self.batch_size,
            each=each,
            seams=seams,
        )
        with written(target, before, height, width, channels + alpha) as add:
            top = 0
            for band in bands:
                rows = stored(band, before.pixels.dtype)
                preview.add(rows)
                if before.alpha is not None:
                    clear = alpha_rows(before.alpha, scale, top, len(rows))
                    rows = np.concatenate([rows, clear[..., None]], axis=-1)
                add(rows)
                top += len(rows)
        size = f"{before.size[0]} x {before.size[1]}"
        size += f" -> {height} x {width}" if scale != 1 else ""
        return Result(size, apart(seams), self._shown(before, preview, box))

    def _network(self, image: Picture) -> tuple[Network, int]:
        """From stored pixels to [0, 1], and the channels that it makes."""
        function, channels = self.translator.over(image.pixels.shape[2])
        peak = np.float32(np.iinfo(image.pixels.dtype).max)

        def network(windows: np.ndarray) -> np.ndarray:
            return np.asarray(function(jnp.asarray(windows / peak, jnp.float32)))

        return (self_ensemble(network) if self.ensemble else network), channels

    def _shown(self, before: Picture, after: Preview, box: Box) -> dict:
        """Both as a whole; then a part of both, where that shows more."""
        scale, pixels = self.translator.scale, before.pixels
        whole = Box(0, 0, *before.size)
        first = Preview(*before.size, pixels.shape[2], whole)
        first.add(pixels)
        shown = {"before": first.small(), "after": after.small()}
        if scale != 1:
            enlarged = bicubic(box.of(pixels), scale)
            shown["a part, bicubic"] = shown_picture(enlarged)
        elif box != whole:
            shown["a part, before"] = shown_picture(box.of(pixels))
        else:
            return shown
        return {**shown, "a part, after": shown_picture(after.part())}


def stored(band: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in [0, 1] as pixels, rounded and clipped.

    Raises:
        ValueError: one is not finite.
    """
    if not np.isfinite(band).all():
        raise ValueError("the network makes values that are not finite of it.")
    peak = np.iinfo(dtype).max
    return np.rint(band * np.float32(peak)).clip(0, peak).astype(dtype)


def alpha_rows(alpha: np.ndarray, scale: int, top: int, count: int) -> np.ndarray:
    """Rows `top` to `top + count` of alpha [H, W] enlarged by bicubic interpolation."""
    first, last = top // scale, -(-(top + count) // scale)
    if scale == 1:
        return alpha[first:last]
    start = max(0, first - ALPHA_MARGIN)
    enlarged = bicubic(alpha[start : last + ALPHA_MARGIN], scale)
    return enlarged[top - scale * start :][:count]


def apart(seams: Seams) -> str:
    """How far blended tiles are from one another, in words; '' for one tile."""
    if not seams.count:
        return ""
    mean, most = (number(255 * value) for value in (seams.mean, seams.largest))
    return f"blended tiles: {mean}/255 apart on average, at most {most}/255"
