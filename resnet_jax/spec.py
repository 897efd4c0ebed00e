"""What the data is, as far as a model needs to know; stored with every checkpoint."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

# Of ImageNet's training images, in [0, 1] units: what PyTorch's models were fed with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True)
class DataSpec:
    """Shapes and meaning of one example; enough to use a model without its data set.

    Attributes:
        shapes: batch key -> shape of one example, () for a scalar such as a label; that
            of images is the one in training.
        dtypes: batch key -> NumPy dtype name ('uint8', 'int32').
        class_names: one name per class, () where there are no classes.
        mean, std: per channel, in [0, 1] units of the stored pixels.
        sizes: number of examples: {'train': 50000, 'test': 10000}; the other keys
            are the names of the evaluations.
        transforms: what evaluation does to a stored image before it is batched, as
            the config's sections by name; an image from elsewhere needs the same.
        source: one line naming the source, for reports.
    """

    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sizes: dict[str, int]
    transforms: dict[str, dict]
    source: str

    @property
    def num_classes(self) -> int:
        """Number of classes, 0 where there are none."""
        return len(self.class_names)

    def batch(self, size: int) -> dict[str, np.ndarray]:
        """A batch of zeros with this spec's shapes and dtypes, to initialize with."""
        return {
            key: np.zeros((size, *shape), self.dtypes[key])
            for key, shape in self.shapes.items()
        }

    def require(self, keys: Iterable[str]) -> None:
        """Raises ValueError unless the examples have all these keys."""
        if missing := [key for key in keys if key not in self.shapes]:
            raise ValueError(
                f"the data gives {', '.join(self.shapes)} and the task needs "
                f"{', '.join(missing)}; choose another data.source or task."
            )

    def to_json(self) -> dict:
        """Plain JSON values; from_json gives the spec back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping) -> "DataSpec":
        """The spec of to_json's values, lists turned into tuples again."""
        tuples = {k: tuple(values[k]) for k in ("class_names", "mean", "std")}
        shapes = {k: tuple(v) for k, v in values["shapes"].items()}
        return cls(**{**values, **tuples, "shapes": shapes})
