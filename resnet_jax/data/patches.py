"""Photographs as examples: patches of them, or each one whole."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from resnet_jax.data.photo_files import PhotoFiles

# The fractional parts of these multiples fill the square evenly: the R2 sequence of
# M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018).
_R2 = np.array([0.7548776662466927, 0.5698402909980532])


class PatchSource:
    """Square patches of large images.

    Example i is patch i % samples_per_example of image i // samples_per_example. The
    patches lie at fixed places, spread evenly; training asks for random places.

    Attributes:
        images: uint8 or uint16 arrays [H, W, C], of different sizes.
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

    @property
    def labels(self) -> np.ndarray:
        """int32 [N], the number of each example's image."""
        return np.arange(len(self), dtype=np.int32) // self.samples_per_example

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.draw(index, spread(index % self.samples_per_example))

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


class WholeSource:
    """Images as they are; of files in color also whether they are stored as `grey`.

    Attributes:
        images, class_names: as in PatchSource.
    """

    samples_per_example = 1

    def __init__(self, images, class_names, description):
        self.images = images
        self.class_names = tuple(class_names)
        self.description = description

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> np.ndarray:
        """int32 [N], the number of each image."""
        return np.arange(len(self), dtype=np.int32)

    def sizes(self) -> set[tuple[int, int]]:
        """The heights and widths that occur."""
        if isinstance(self.images, PhotoFiles):
            return self.images.sizes()
        return {image.shape[:2] for image in self.images}

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = {"image": self.images[index]}
        if isinstance(self.images, PhotoFiles) and self.images.channels == 3:
            example["grey"] = self.images.grey(index)
        return {**example, "label": np.int32(index)} if self.class_names else example

    def __repr__(self) -> str:
        return self.description


def spread(sample: int) -> np.ndarray:
    """Where the patch of a number lies in an image, float [2] in [0, 1)."""
    return (0.5 + sample * _R2) % 1


def check_patches(patch: int | None, samples_per_example: int) -> None:
    """Raises ValueError unless both are whole numbers from 1; patch may be None."""
    for value in (1 if patch is None else patch, samples_per_example):
        if not isinstance(value, int) or value < 1:
            raise ValueError(
                f"patch and samples_per_example must be whole numbers from 1, not "
                f"{value!r}."
            )


def cut(
    images: Sequence[np.ndarray],
    class_names: Sequence[str],
    patch: int | None,
    samples_per_example: int,
    name: str,
    split: str,
) -> PatchSource | WholeSource:
    """The source of such patches, or of the whole images where patch is None.

    Args:
        images, class_names: as in PatchSource.
        patch: side of a patch in pixels.
        samples_per_example: patches per image.
        name, split: what the source calls itself.
    """
    if patch is None:
        return WholeSource(images, class_names, f"{name} ({split})")
    count = f"{samples_per_example} patches of {patch} x {patch} each"
    description = f"{name} ({split}, {count})"
    return PatchSource(images, class_names, patch, samples_per_example, description)
