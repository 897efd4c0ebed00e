"""Examples of a source become a batch."""

import dataclasses
import logging
from typing import Any

import numpy as np

from resnet_jax.data.arrays import ArraySource
from resnet_jax.data.geometry import RandomResizedCrop
from resnet_jax.data.images import IMAGE_KEYS, BadImage, with_depth
from resnet_jax.data.transforms import apply_transforms, count_draws, one_size

_MOST_BAD = 100  # bad examples in a row, after which 'skip' gives up


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads and transforms the examples with given indices.

    Attributes:
        source: an ArraySource, whose batches are gathered and transformed whole, or a
            source of single examples.
        transforms: of build_transforms.
        training: random versions of the examples are wanted, where the source has them.
        skip_bad: bad images are replaced (training) or left out, instead of raising.
        remedy: what sets skip_bad, for the message.
    """

    source: Any
    transforms: tuple
    training: bool
    skip_bad: bool = False
    remedy: str = "data.on_bad_example='skip'"

    @property
    def streams(self) -> tuple["Reader", ...]:
        """A reader of each domain where the source has two, else this one."""
        sources = getattr(self.source, "domains", (self.source,))
        return tuple(dataclasses.replace(self, source=source) for source in sources)

    @property
    def in_memory(self) -> bool:
        """Whether batches are gathered whole."""
        return isinstance(self.source, ArraySource)

    @property
    def mixed(self) -> bool:
        """Whether the images come out in different sizes."""
        sizes = getattr(self.source, "sizes", set)
        return not one_size(self.transforms) and len(sizes()) > 1

    @property
    def source_draws(self) -> int:
        """Uniform numbers per example that the source itself takes."""
        return getattr(self.source, "draws", 0) if self.training else 0

    @property
    def draws(self) -> int:
        """Uniform numbers per example that reading takes."""
        return self.source_draws + count_draws(self.transforms)

    def cropping(self, size: int) -> "Reader":
        """The same with a random_resized_crop of another size."""
        transforms = tuple(
            dataclasses.replace(t, size=size) if isinstance(t, RandomResizedCrop) else t
            for t in self.transforms
        )
        return dataclasses.replace(self, transforms=transforms)

    def read(self, indices: np.ndarray, u: np.ndarray, like: dict[str, np.ndarray]):
        """The examples, as a batch.

        Args:
            indices: int [N].
            u: float [N, draws] in [0, 1).
            like: a batch of one row, with the expected shapes and dtypes.

        Returns:
            The batch, and bool [N]: False where there was a bad image, left zero. In
            training a bad image is replaced by the next good one, and the batch's
            'index' says by which.

        Raises:
            ValueError: an image of another shape, a label out of range, a bad image.
        """
        good = np.ones(len(indices), bool)
        if self.in_memory and len(indices):
            batch = {k: v[indices] for k, v in self.source.arrays.items()}
            for key in IMAGE_KEYS & batch.keys():
                batch[key] = apply_transforms(self.transforms, batch[key], u)
            return {**batch, "index": indices.astype(np.int32)}, good
        batch = {
            k: np.zeros((len(indices), *v.shape[1:]), v.dtype) for k, v in like.items()
        }
        for row, (index, v) in enumerate(zip(indices, u, strict=True)):
            found = self.find(int(index), v)
            if found is None:
                good[row] = False
                batch["index"][row] = index
                continue
            for key, value in found.items():
                _check_like(value, like[key][0], key, found["index"], self.source)
                batch[key][row] = value
        return batch, good

    def find(self, index: int, u: np.ndarray) -> dict[str, Any] | None:
        """Example `index`, or in its place the next good one; None in evaluation."""
        # All patches of a bad image are bad.
        step = getattr(self.source, "samples_per_example", 1)
        for i in range(index, index + _MOST_BAD * step, step):
            try:
                return self.example(i % len(self.source), u)
            except BadImage as error:
                if not self.skip_bad:
                    raise self.with_remedy(error) from error
                logging.getLogger(__name__).warning("skipped: %s", error)
                if not self.training:
                    return None
        raise ValueError(
            f"{_MOST_BAD} examples of {self.source!r} in a row cannot be read, from "
            f"example {index} on."
        )

    def with_remedy(self, error: BadImage) -> BadImage:
        """The same error, which says how to go on without the image."""
        return BadImage(f"{error} ({self.remedy} goes on without it.)")

    def example(self, index: int, u: np.ndarray) -> dict[str, Any]:
        """Example `index` after the transforms, with its index."""
        example, transforms, u = self._load(index, u)
        label, classes = example.get("label", -1), len(self.source.class_names)
        if not -1 <= label < classes:
            raise ValueError(
                f"label {label} of example {index} of {self.source!r} is outside "
                f"[0, {classes}) (-1 means: ignore)."
            )
        result = {**example, "index": index}
        # The images of a pair by the same numbers: the same crop of both.
        for key in IMAGE_KEYS & example.keys():
            one = example[key][None]
            result[key] = apply_transforms(transforms, one, u[None])[0]
        return result

    def _load(self, index: int, u: np.ndarray) -> tuple[dict[str, Any], tuple, Any]:
        """An example, and what is left to be done: the transforms, their numbers."""
        first = self.transforms[0] if self.transforms else None
        if isinstance(first, RandomResizedCrop) and hasattr(self.source, "crop"):
            example = self.source.crop(index, first, u[: first.draws])
            return example, self.transforms[1:], u[first.draws :]
        split = self.source_draws
        example = self.source.draw(index, u[:split]) if split else self.source[index]
        return example, self.transforms, u[split:]

    def picture(self, index: int) -> np.ndarray:
        """Example `index` of an evaluation to look at: uint8 [H, W, C].

        The images of a pair are side by side.

        Raises:
            ValueError: it is a bad image.
        """
        example = self.example(index, np.zeros(0))
        images = [example[key] for key in sorted(IMAGE_KEYS & example.keys())]
        return with_depth(np.concatenate(images, axis=1), np.uint8)


def one_row(example: dict[str, Any]) -> dict[str, np.ndarray]:
    """An example as a batch of one row."""
    integers = {"label": np.int32, "index": np.int32}
    return {
        key: np.asarray(value, integers.get(key))[None]
        for key, value in example.items()
    }


def _check_like(value, like: np.ndarray, key: str, index: int, source) -> None:
    shape, dtype = np.shape(value), getattr(value, "dtype", like.dtype)
    if shape != like.shape or (key in IMAGE_KEYS and dtype != like.dtype):
        raise ValueError(
            f"the {key} of example {index} of {source!r} is {dtype} {list(shape)} and "
            f"that of the first {like.dtype} {list(like.shape)}: images of different "
            "sizes need random_crop or random_resized_crop in training, resize and "
            "center_crop in evaluation."
        )
