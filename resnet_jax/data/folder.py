"""Images in class folders: root/<split>/<class>/<image>."""

import os
import pathlib
from typing import Any

import numpy as np

from resnet_jax.data.crop import read_crop
from resnet_jax.data.geometry import RandomResizedCrop
from resnet_jax.data.images import SUFFIXES, read_image
from resnet_jax.data.splits import check_split


class FolderSource:
    """Image files with a label each, read when asked for.

    Attributes:
        files: the image files, class by class, sorted by name.
        labels: int32 [N], the class of each.
        class_names: the folders' names, sorted.
    """

    samples_per_example = 1

    def __init__(self, files, labels, class_names, *, channels, size_hint, description):
        self.files = files
        self.labels = np.asarray(labels, np.int32)
        self.class_names = tuple(class_names)
        self.channels = channels
        self.size_hint = size_hint
        self.description = description

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, Any]:
        image = read_image(self.files[index], self.channels, self.size_hint)
        return {"image": image, "label": self.labels[index]}

    def crop(
        self, index: int, crop: RandomResizedCrop, u: np.ndarray
    ) -> dict[str, Any]:
        """An example whose image is cropped as it is read, see read_crop."""
        image = read_crop(self.files[index], self.channels, crop, u)
        return {"image": image, "label": self.labels[index]}

    def __repr__(self) -> str:
        return self.description


def folder(
    split: str,
    *,
    root: str | os.PathLike,
    channels: int = 3,
    size_hint: int | None = None,
) -> FolderSource:
    """Class folders of PNG, JPEG, WebP and TIFF files, as in ImageNet's layout.

    Args:
        split: root/<split>/<class>/ are the class folders; with 'all' they are
            root/<class>/. Classes are sorted by name and the same in every split.
        root: the folder.
        channels: 1, 3 or 4, to which all images are converted.
        size_hint: see read_image; decodes large JPEG files several times faster.
            (A random_resized_crop does that by itself, see its `decode`.)

    Raises:
        ValueError: no or empty class folders, images a level too high or too deep, or
            splits whose classes differ.
    """
    root = os.path.expanduser(root)
    if not os.path.isdir(root):
        raise ValueError(
            f"there is no folder {root}; {root}/<split>/<class>/<image> is expected."
        )
    splits = _subfolders(root)
    if not splits:
        raise ValueError(
            f"{root} has no folders; {root}/<split>/<class>/<image> is expected."
        )
    check_split(split, (*splits, "all"), root, " ('all': its folders are the classes)")
    top = pathlib.Path(root) if split == "all" else pathlib.Path(root, split)
    names = _class_names(top)
    for other in splits if split != "all" else ():
        theirs = _class_names(pathlib.Path(root, other))
        if odd := sorted(set(names) ^ set(theirs)):
            raise ValueError(
                f"the class folders of {root} differ between {split} and {other}: "
                f"{', '.join(odd[:5])} {'is' if len(odd) == 1 else 'are'} in only "
                "one of them."
            )
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = _images(top / name)
        files += found
        labels += [label] * len(found)
    return FolderSource(
        files,
        labels,
        names,
        channels=channels,
        size_hint=size_hint,
        description=f"{root} ({split})",
    )


def _subfolders(path) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and e.name[0] != ".")


def _class_names(top: pathlib.Path) -> list[str]:
    names = _subfolders(top)
    if names:
        return names
    if _files(top):
        raise ValueError(
            f"{top} holds images but no class folders; {top}/<class>/<image> is "
            f"expected (if {top.name} is a class, its split is one level up: 'all')."
        )
    raise ValueError(f"{top} has no class folders; {top}/<class>/<image> is expected.")


def _files(path: pathlib.Path) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(
            e.path
            for e in entries
            if e.name[0] != "." and e.name.lower().endswith(SUFFIXES) and e.is_file()
        )


def _images(path: pathlib.Path) -> list[str]:
    if files := _files(path):
        return files
    if deeper := _subfolders(path):
        raise ValueError(
            f"the class folder {path} holds folders ({', '.join(deeper[:3])}) and no "
            "images; is it a split, and the root one level too high?"
        )
    raise ValueError(
        f"the class folder {path} has no images ({', '.join(SUFFIXES)}): remove it or "
        "fill it."
    )
