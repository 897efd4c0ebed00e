"""Pairs of images of one size: what goes in and what should come out."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from resnet_jax.data.images import BadImage, image_size
from resnet_jax.data.photo_files import CACHE_GB, PhotoFiles, check_cache, find
from resnet_jax.lookup import few


class PairSource:
    """Images `a` and `b` that belong together.

    Attributes:
        halves: the files of A and of B, in the same order; or one sequence of files
            that hold A on the left and B on the right.
        keys: the names of A and B in an example: ('a', 'b') or ('b', 'a').
    """

    samples_per_example = 1
    class_names: tuple[str, ...] = ()

    def __init__(
        self, halves: Sequence[PhotoFiles], keys: tuple[str, str], description: str
    ):
        self.halves, self.keys, self.description = halves, keys, description

    def __len__(self) -> int:
        return len(self.halves[0])

    def sizes(self) -> set[tuple[int, int]]:
        """The heights and widths that occur."""
        sizes = self.halves[0].sizes()
        return sizes if len(self.halves) == 2 else {(h, w // 2) for h, w in sizes}

    def __getitem__(self, index: int) -> dict[str, Any]:
        """The pair of a number.

        Raises:
            BadImage: it cannot be read, or its images differ in size.
        """
        images = [half[index] for half in self.halves]
        files = [half.files[index] for half in self.halves]
        left, right = images if len(images) == 2 else _split(images[0], files[0])
        if left.shape != right.shape or left.dtype != right.dtype:
            raise BadImage(_unequal(*files, _shape(left), _shape(right)))
        return dict(zip(self.keys, (left, right), strict=True))

    def check(self) -> None:
        """Raises BadImage where a file's header says that it makes no pair."""
        for row in zip(*(half.files for half in self.halves), strict=True):
            try:
                sizes = [image_size(file) for file in row]
            except BadImage:
                continue  # reading it says more
            if len(row) == 1 and sizes[0][1] % 2:
                raise BadImage(_odd(row[0], sizes[0][1]))
            if len({*sizes}) > 1:
                shapes = (f"{height} x {width}" for height, width in sizes)
                raise BadImage(_unequal(*row, *shapes))

    def __repr__(self) -> str:
        return self.description


def pairs(
    split: str,
    *,
    root: str | None = None,
    a: str | None = None,
    b: str | None = None,
    direction: str = "AtoB",
    channels: int = 3,
    cache_gb: float = CACHE_GB,
) -> PairSource:
    """Pairs from one folder or two, as examples with the images `a` and `b`.

    Isola et al. 2016, arXiv:1611.07004: `a` is what is translated, `b` the target.

    Args:
        split: root/<split>/ holds files with A on the left and B on the right, as those
            of pix2pix; or root/<split>A/ and root/<split>B/ hold files that have the
            same names (endings aside).
        root: the folder.
        a, b: in place of root, the folders of A and B: a/<split>/ and b/<split>/, or
            with the split 'all' the folders themselves.
        direction: 'BtoA' swaps the two.
        channels: 1, 3 or 4, to which all images are converted.
        cache_gb: decoded images kept in memory by each process, in GiB.

    Raises:
        ValueError: no folder, no image, an image without partner, or a value out of
            range.
    """
    check_cache(cache_gb)
    forth = check_direction(direction)
    folders = [folder for folder in (a, b) if folder is not None]
    if len(folders) != (2 if root is None else 0):
        raise ValueError("pairs need root, or both a and b, which are folders.")
    if root is None:
        files = _match(*(find(folder, split) for folder in folders))
    else:
        files = _find_root(root, split)
    return PairSource(
        [PhotoFiles(half, channels, cache_gb / len(files)) for half in files],
        ("a", "b") if forth else ("b", "a"),
        f"{root or ' and '.join(folders)} ({split}, {direction})",
    )


def check_direction(direction: str) -> bool:
    """Whether A goes to B. Raises ValueError for neither 'AtoB' nor 'BtoA'."""
    if direction not in ("AtoB", "BtoA"):
        raise ValueError(f"direction is 'AtoB' or 'BtoA', not {direction!r}.")
    return direction == "AtoB"


def _find_root(root: str, split: str) -> list[list[pathlib.Path]]:
    top = pathlib.Path(root).expanduser()
    if (top / f"{split}A").is_dir() or (top / f"{split}B").is_dir():
        return _match(find(root, f"{split}A"), find(root, f"{split}B"))
    return [find(root, split)]


def _match(
    left: list[pathlib.Path], right: list[pathlib.Path]
) -> list[list[pathlib.Path]]:
    """The files of both folders, in the order of their names."""
    named = _by_name(left), _by_name(right)
    for mine, theirs, what in ((*named, "second"), (*named[::-1], "first")):
        if alone := [mine[name] for name in mine if name not in theirs]:
            raise ValueError(
                f"no partner for {few(alone, 3)} in the {what} folder; the files of a "
                "pair need the same name, endings aside."
            )
    return [[half[name] for name in sorted(named[0])] for half in named]


def _by_name(files: list[pathlib.Path]) -> dict[str, pathlib.Path]:
    found: dict[str, pathlib.Path] = {}
    for file in files:
        if file.stem in found:
            raise ValueError(
                f"{found[file.stem]} and {file} have the same name; a pair needs one "
                "file in each folder."
            )
        found[file.stem] = file
    return found


def _odd(file: pathlib.Path, width: int) -> str:
    return f"{file} is {width} pixels wide; A and B side by side need an even width."


def _unequal(file: pathlib.Path, partner: pathlib.Path, mine: str, its: str) -> str:
    return (
        f"{file} is {mine} and its partner {partner} {its}; the two images of a pair "
        "need one size."
    )


def _split(image: np.ndarray, file: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    width = image.shape[1]
    if width % 2:
        raise BadImage(_odd(file, width))
    return image[:, : width // 2], image[:, width // 2 :]


def _shape(image: np.ndarray) -> str:
    return f"{image.shape[0]} x {image.shape[1]} {image.dtype}"
