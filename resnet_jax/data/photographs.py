"""Photographs and textures that come with scikit-image and scikit-learn, in patches."""

import importlib.util
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from resnet_jax.data.images import read_image
from resnet_jax.data.splits import check_split

PHOTOS = (
    "skimage/data/astronaut.png",
    "skimage/data/chelsea.png",
    "skimage/data/coffee.png",
    "skimage/data/hubble_deep_field.jpg",
    "skimage/data/ihc.png",
    "skimage/data/motorcycle_left.png",
    "skimage/data/retina.jpg",
    "skimage/data/rocket.jpg",
    "sklearn/datasets/images/china.jpg",
    "sklearn/datasets/images/flower.jpg",
)
TEXTURES = (
    "skimage/data/brick.png",
    "skimage/data/grass.png",
    "skimage/data/gravel.png",
)
# The fractional parts of these multiples fill the square evenly: the R2 sequence of
# M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018).
_R2 = np.array([0.7548776662466927, 0.5698402909980532])


class PatchSource:
    """Square patches of a few large images.

    Example i is patch i % samples_per_example of image i // samples_per_example. The
    patches lie at fixed places, spread evenly; training asks for random places.

    Attributes:
        images: uint8 arrays [H, W, C], of different sizes.
        class_names: a name per image, whose number is its label; () for no labels.
        samples_per_example: patches per image that make an epoch.
        draws: how many uniform numbers `draw` takes.
    """

    draws = 2

    def __init__(self, images, class_names, patch, samples_per_example, description):
        self.images = images
        self.class_names = tuple(class_names)
        self.patch = patch
        self.samples_per_example = samples_per_example
        self.description = description

    def __len__(self) -> int:
        return len(self.images) * self.samples_per_example

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = index % self.samples_per_example
        return self.draw(index, (0.5 + sample * _R2) % 1)

    def draw(self, index: int, u: np.ndarray) -> dict[str, Any]:
        """A patch of example index's image at the place u, float [2] in [0, 1)."""
        label = index // self.samples_per_example
        image, size = self.images[label], self.patch
        room = np.array(image.shape[:2]) - size + 1
        y, x = (np.asarray(u) * room).astype(int)
        example = {"image": image[y : y + size, x : x + size]}
        return {**example, "label": np.int32(label)} if self.class_names else example

    def __repr__(self) -> str:
        return self.description


def photos(
    split: str, *, patch: int = 32, samples_per_example: int = 256
) -> PatchSource:
    """Patches of ten color photographs, without labels.

    The test patches come from the right quarter of each photograph, the training
    patches from the rest.

    Args:
        split: 'train' or 'test'.
        patch: side of a patch in pixels.
        samples_per_example: patches per photograph and epoch.

    Raises:
        ValueError: a patch does not fit, or a photograph is not installed.
    """
    return _patches(PHOTOS, split, 3, patch, samples_per_example, named=False)


def textures(
    split: str, *, patch: int = 32, samples_per_example: int = 256
) -> PatchSource:
    """Grey patches of three textures (512 x 512), labeled brick, grass or gravel.

    The test patches come from the right quarter of each texture. Arguments and errors
    are those of `photos`.
    """
    return _patches(TEXTURES, split, 1, patch, samples_per_example, named=True)


def _patches(
    paths: Sequence[str], split, channels, patch, samples_per_example, named
) -> PatchSource:
    kind = "textures" if named else "photos"
    check_split(split, ("train", "test"), kind)
    for value in (patch, samples_per_example):
        if not isinstance(value, int) or value < 1:
            raise ValueError(
                f"patch and samples_per_example must be whole numbers from 1, not "
                f"{value!r}."
            )
    images, names = [], []
    for path in paths:
        image = read_image(_installed(path), channels)
        border = image.shape[1] * 3 // 4
        part = image[:, :border] if split == "train" else image[:, border:]
        if patch > min(part.shape[:2]):
            raise ValueError(
                f"a patch of {patch} pixels does not fit into the {split} part of "
                f"{pathlib.Path(path).stem}, {part.shape[0]} x {part.shape[1]} pixels."
            )
        images.append(part)
        names.append(pathlib.Path(path).stem)
    return PatchSource(
        images,
        names if named else (),
        patch,
        samples_per_example,
        f"{kind} ({split}, {samples_per_example} patches of {patch} x {patch} each)",
    )


def _installed(path: str) -> pathlib.Path:
    """The file inside an installed package: read directly, nothing is downloaded."""
    package, rest = path.split("/", 1)
    spec = importlib.util.find_spec(package)
    folder = spec and spec.submodule_search_locations
    file = pathlib.Path(folder[0]) / rest if folder else None
    if file is None or not file.is_file():
        library = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[package]
        raise ValueError(f"{path} is missing: install {library} with its data files.")
    return file
