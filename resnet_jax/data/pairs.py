"""Pairs of images: what goes in and what should come out, as large or larger."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from resnet_jax.data.images import BadImage, image_size
from resnet_jax.data.patches import check_patches, spread
from resnet_jax.data.photo_files import CACHE_GB, PhotoFiles, check_cache, find
from resnet_jax.lookup import few


class PairSource:
    """Images `a` and `b` that belong together.

    Attributes:
        halves: the files of A and of B, in the same order; or one sequence of files
            that hold A on the left and B on the right.
        keys: the names of A and B in an example: ('a', 'b') or ('b', 'a').
        scale: how many times larger `b` is. What is left over of it at the right and
            at the bottom, less than `scale` pixels, is cut off.
        patch: side of a patch of `b`, None for whole images. As with PatchSource they
            lie at fixed places, and training asks for random ones.
        samples_per_example: patches per pair that make an epoch.
        draws: how many uniform numbers `draw` takes.
    """

    class_names: tuple[str, ...] = ()

    def __init__(
        self,
        halves: Sequence[PhotoFiles],
        keys: tuple[str, str],
        description: str,
        scale: int = 1,
        patch: int | None = None,
        samples_per_example: int = 1,
    ):
        self.halves, self.keys, self.description = halves, keys, description
        self.scale, self.patch = scale, patch
        self.samples_per_example = samples_per_example if patch else 1
        self.draws = 2 if patch else 0

    def __len__(self) -> int:
        return len(self.halves[0]) * self.samples_per_example

    def sizes(self) -> set[tuple[int, int]]:
        """The heights and widths of `a` that occur."""
        if self.patch:
            return {(self.patch // self.scale,) * 2}
        if len(self.halves) == 1:
            return {(h, w // 2) for h, w in self.halves[0].sizes()}
        return self.halves[self.keys.index("a")].sizes()

    def __getitem__(self, index: int) -> dict[str, Any]:
        """The pair, or patch, of a number.

        Raises:
            BadImage: it cannot be read, or its images do not fit together.
        """
        return self.draw(index, spread(index % self.samples_per_example))

    def draw(self, index: int, u: np.ndarray) -> dict[str, Any]:
        """A patch of example index's pair at the place u, float [2] in [0, 1)."""
        pair = self._pair(index // self.samples_per_example)
        if self.patch is None:
            return pair
        size = self.patch // self.scale
        room = np.array(pair["a"].shape[:2]) - size + 1
        y, x = (np.asarray(u) * room).astype(int)
        return {
            key: image[y * n : (y + size) * n, x * n : (x + size) * n]
            for (key, image), n in zip(pair.items(), (1, self.scale), strict=True)
        }

    def _pair(self, number: int) -> dict[str, Any]:
        images = [half[number] for half in self.halves]
        files = [half.files[number] for half in self.halves]
        both = images if len(images) == 2 else _split(images[0], files[0])
        pair = dict(zip(self.keys, both, strict=True))
        low, high = pair["a"], pair["b"]
        if not self._fit(low.shape[:2], high.shape[:2]) or low.dtype != high.dtype:
            raise BadImage(self._unequal(files, *(_shape(image) for image in both)))
        height, width = (self.scale * side for side in low.shape[:2])
        if self.patch and min(height, width) < self.patch:
            raise BadImage(
                f"{files[-1]} is {height} x {width} pixels; a patch of {self.patch} "
                "does not fit."
            )
        return {"a": low, "b": high[:height, :width]}

    def check(self) -> None:
        """Raises BadImage where a file's header says that it makes no pair."""
        for row in zip(*(half.files for half in self.halves), strict=True):
            try:
                sizes = [image_size(file) for file in row]
            except BadImage:
                continue  # reading it says more
            if len(row) == 1:
                if sizes[0][1] % 2:
                    raise BadImage(_odd(row[0], sizes[0][1]))
            elif not self._fit(*sizes[:: 1 if self.keys[0] == "a" else -1]):
                shapes = (f"{height} x {width}" for height, width in sizes)
                raise BadImage(self._unequal(row, *shapes))

    def _fit(self, low: tuple[int, ...], high: tuple[int, ...]) -> bool:
        both = zip(low, high, strict=True)
        return all(0 <= b - self.scale * a < self.scale for a, b in both)

    def _unequal(self, files: Sequence[pathlib.Path], mine: str, its: str) -> str:
        need = "need one size"
        if self.scale > 1:
            need = f"need sides of one to {self.scale}"
        return (
            f"{files[0]} is {mine} and its partner {files[-1]} {its}; the two images "
            f"of a pair {need}."
        )

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
    scale: int = 1,
    patch: int | None = None,
    samples_per_example: int = 16,
    cache_gb: float = CACHE_GB,
) -> PairSource:
    """Pairs from one folder or two, as examples with the images `a` and `b`.

    Isola et al. 2016, arXiv:1611.07004: `a` is what is translated, `b` the target. For
    super-resolution from images that are small already, `a` are those.

    Args:
        split: root/<split>/ holds files with A on the left and B on the right, as those
            of pix2pix; or root/<split>A/ and root/<split>B/ hold files that have the
            same names (endings aside).
        root: the folder.
        a, b: in place of root, the folders of A and B: a/<split>/ and b/<split>/, or
            with the split 'all' the folders themselves.
        direction: 'BtoA' swaps the two.
        channels: 1, 3 or 4, to which all images are converted.
        scale: how many times larger the images `b` are.
        patch: side in pixels of the patches of `b` that stand for a pair, a multiple
            of scale; None for whole images.
        samples_per_example: patches per pair and epoch.
        cache_gb: decoded images kept in memory by each process, in GiB.

    Raises:
        ValueError: no folder, no image, an image without partner, or a value out of
            range.
    """
    check_cache(cache_gb)
    check_patches(patch, samples_per_example)
    if scale < 1 or (patch or scale) % scale:
        raise ValueError(
            f"scale of pairs is {scale} and patch {patch}; expected a scale from 1, "
            "and a patch that is a multiple of it."
        )
    forth = check_direction(direction)
    folders = [folder for folder in (a, b) if folder is not None]
    if len(folders) != (2 if root is None else 0):
        raise ValueError("pairs need root, or both a and b, which are folders.")
    if scale > 1 and len(folders) != 2:
        raise ValueError(
            f"pairs whose images differ {scale} times in size need a and b, the "
            "folders of both."
        )
    if root is None:
        files = _match(*(find(folder, split) for folder in folders))
    else:
        files = _find_root(root, split)
    return PairSource(
        [PhotoFiles(half, channels, cache_gb / len(files)) for half in files],
        ("a", "b") if forth else ("b", "a"),
        f"{root or ' and '.join(folders)} ({split}, {direction})",
        scale,
        patch,
        samples_per_example,
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


def _split(image: np.ndarray, file: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    width = image.shape[1]
    if width % 2:
        raise BadImage(_odd(file, width))
    return image[:, : width // 2], image[:, width // 2 :]


def _shape(image: np.ndarray) -> str:
    return f"{image.shape[0]} x {image.shape[1]} {image.dtype}"
