"""Two sets of images that are not matched: horses and zebras, summers and winters."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from resnet_jax.data.arrays import ArraySource
from resnet_jax.lookup import suggest


class Domain:
    """The images of a source, or some of them, under another key and without labels.

    Attributes:
        source: of single examples.
        key: 'a' or 'b'.
        rows: the numbers of its examples, None for all.
        draws: how many uniform numbers `draw` takes, 0 where the source has none.
    """

    class_names: tuple[str, ...] = ()

    def __init__(self, source, key: str, rows: np.ndarray | None, description: str):
        self.source, self.key, self.rows = source, key, rows
        self.description = description
        self.draws = getattr(source, "draws", 0)
        # Chosen rows are examples, no longer whole images with all their samples.
        self.samples_per_example = (
            getattr(source, "samples_per_example", 1) if rows is None else 1
        )

    def __len__(self) -> int:
        return len(self.source) if self.rows is None else len(self.rows)

    def sizes(self) -> set[tuple[int, int]]:
        """The heights and widths that occur, as far as the source knows them."""
        return getattr(self.source, "sizes", set)()

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {self.key: self.source[self._row(index)]["image"]}

    def draw(self, index: int, u: np.ndarray) -> dict[str, Any]:
        """A random version of an example, of uniform numbers [draws]."""
        return {self.key: self.source.draw(self._row(index), u)["image"]}

    def _row(self, index: int) -> int:
        return index if self.rows is None else int(self.rows[index])

    def __repr__(self) -> str:
        return self.description


class Domains:
    """Both domains of a data set; each is read in its own order, see TwoDomains.

    Attributes:
        domains: the sources of `a` and of `b`.
    """

    class_names: tuple[str, ...] = ()

    def __init__(self, domains: Sequence[Domain | ArraySource]):
        self.domains = tuple(domains)

    def __len__(self) -> int:
        """The number of examples of the larger domain."""
        return max(map(len, self.domains))

    def __repr__(self) -> str:
        return " and ".join(map(repr, self.domains))


def split_domain(split: str) -> tuple[str, tuple[str, ...]]:
    """'testA' -> ('test', ('a',)); 'train' -> ('train', ('a', 'b'))."""
    if len(split) > 1 and split[-1] in "AB":
        return split[:-1], (split[-1].lower(),)
    return split, ("a", "b")


def domain(source, key: str, class_name: str | None = None) -> Domain | ArraySource:
    """A source's images as one domain.

    Args:
        source: of load_source.
        key: 'a' or 'b'.
        class_name: the class whose images are meant, None for all.

    Raises:
        ValueError: the source has no images of that class.
    """
    if class_name is None:
        rows, description = None, repr(source)
    else:
        rows = _rows_of(source, class_name)
        description = f"'{class_name}' of {source!r}"
    if isinstance(source, ArraySource):
        image = source.arrays["image"]
        image = image if rows is None else image[rows]
        return ArraySource({key: image}, (), description)
    return Domain(source, key, rows, description)


def _rows_of(source, class_name: str) -> np.ndarray:
    if class_name not in source.class_names:
        raise ValueError(
            f"{source!r} has no class '{class_name}'. "
            f"{suggest(class_name, source.class_names)}"
        )
    rows = np.flatnonzero(source.labels == source.class_names.index(class_name))
    if not len(rows):
        raise ValueError(f"{source!r} has no image of class '{class_name}'.")
    return rows
