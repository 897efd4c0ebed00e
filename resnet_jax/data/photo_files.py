"""Image files of any size as a sequence of arrays."""

import fnmatch
import pathlib
from collections.abc import Sequence

import numpy as np

from resnet_jax.data.flat import list_images
from resnet_jax.data.images import BadImage, image_size, is_grey, read_image
from resnet_jax.data.splits import check_split

CACHE_GB = 4.0


class PhotoFiles(Sequence):
    """Image files as arrays [H, W, C], each decoded when it is first asked for.

    What was decoded stays in memory until there are cache_gb of it; files beyond are
    decoded each time. Every worker process keeps its own.

    Attributes:
        files: the paths.
        channels: 1, 3 or 4, see read_image.
        least: the smallest side that is of use, in pixels.
    """

    def __init__(
        self,
        files: Sequence[pathlib.Path],
        channels: int,
        cache_gb: float,
        least: int = 1,
    ):
        self.files, self.channels, self.least = files, channels, least
        self._kept: dict[int, np.ndarray] = {}
        self._room = cache_gb * 2**30

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index):
        """The image of a number.

        Raises:
            BadImage: it cannot be read, or is smaller than `least`.
        """
        if (image := self._kept.get(index)) is not None:
            return image
        file = self.files[index]
        image = read_image(file, self.channels)
        height, width = image.shape[:2]
        if min(height, width) < self.least:
            raise BadImage(
                f"{file} is {height} x {width} pixels; a patch of {self.least} does "
                "not fit."
            )
        if image.nbytes <= self._room:
            self._room -= image.nbytes
            self._kept[index] = image
        return image

    def grey(self, index: int) -> np.bool_:
        """Whether the file of a number has one channel. Raises BadImage."""
        return np.bool_(is_grey(self.files[index]))

    def sizes(self) -> set[tuple[int, int]]:
        """The heights and widths that occur, bad images aside."""
        found = set()
        for file in self.files:
            try:
                found.add(image_size(file))
            except BadImage:
                continue  # data.on_bad_example says what happens when it is read
        return found


def find(root: str, split: str = "all", pattern: str = "*") -> list[pathlib.Path]:
    """The image files of a split of a folder, by path.

    Raises:
        ValueError: no folder, no such split, or no image that fits the pattern.
    """
    top = pathlib.Path(root).expanduser()
    if split != "all" and top.is_dir():
        folders = sorted(f.name for f in top.iterdir() if f.is_dir())
        check_split(split, (*folders, "all"), root, " ('all': the whole folder)")
        top = top / split
    files = list_images(top)
    chosen = [file for file in files if fnmatch.fnmatchcase(file.name, pattern)]
    if not chosen:
        raise ValueError(
            f"none of the {len(files)} images in {top} is named '{pattern}'."
        )
    return chosen


def check_cache(cache_gb: float) -> None:
    """Raises ValueError for less than nothing."""
    if cache_gb < 0:
        raise ValueError(f"cache_gb is {cache_gb}; expected 0 or more.")
