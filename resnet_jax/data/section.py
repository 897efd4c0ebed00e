"""The `data` section of a config."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from resnet_jax.data.progressive import Progressive
from resnet_jax.lookup import check_arguments
from resnet_jax.spec import IMAGENET_MEAN, IMAGENET_STD


@dataclasses.dataclass(frozen=True)
class Part:
    """An entry of `evals`, and what the `train` section shares with it.

    Attributes:
        split: of the source.
        transforms: name -> keyword arguments, see build_transforms.
        source: another source than the data section's.
    """

    split: str
    transforms: Mapping[str, Any] | None = None
    source: Mapping[str, Any] | str | None = None


@dataclasses.dataclass(frozen=True)
class TrainPart(Part):
    """The `train` section.

    Attributes:
        repeats: how often an example follows itself, each time augmented in another
            way; an epoch is as long as ever, and sees 1 / repeats of the examples.
            Hoffer et al. 2019, arXiv:1901.09335; torchvision's and timm's samplers.
        progressive: sizes and boundaries of images that grow, see Progressive.
    """

    repeats: int = 1
    progressive: Mapping[str, Any] | None = None

    def __post_init__(self):
        if self.repeats < 1:
            raise ValueError(
                f"data.train.repeats is {self.repeats}; expected at least 1."
            )

    @property
    def growth(self) -> Progressive | None:
        """How the images grow, None where they do not.

        Raises:
            ValueError: a field is unknown or missing, or has an impossible value.
        """
        if not self.progressive:
            return None
        check_arguments(Progressive, self.progressive, "data.train.progressive")
        return Progressive(**self.progressive)


@dataclasses.dataclass(frozen=True)
class Section:
    """The whole section.

    Attributes:
        source: {'name': ..., **arguments}, see SOURCES.
        train: a TrainPart.
        evals: name -> Part.
        mean, std: per channel or one for all, in [0, 1] units of the stored pixels;
            by default ImageNet's for 3 channels, else 0.5.
        on_bad_example: 'stop', or 'skip': in training the next good example takes the
            place of a bad one, in evaluation it is masked.
    """

    source: Mapping[str, Any] | str
    train: TrainPart
    evals: Mapping[str, Part] = dataclasses.field(default_factory=dict)
    mean: float | Sequence[float] | None = None
    std: float | Sequence[float] | None = None
    on_bad_example: str = "stop"

    def normalization(
        self, channels: int
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and std per channel.

        Raises:
            ValueError: not one per channel, or not in [0, 1] units.
        """
        color = channels == 3
        mean = _per_channel(self.mean, IMAGENET_MEAN if color else 0.5, channels)
        std = _per_channel(self.std, IMAGENET_STD if color else 0.5, channels)
        if not all(0 <= m <= 1 for m in mean) or not all(0 < s <= 1 for s in std):
            raise ValueError(
                "data.mean and data.std are in units of [0, 1] (divide by 255 what is "
                f"in units of pixels), std above 0; not {mean} and {std}."
            )
        return mean, std


def read_section(section: Mapping[str, Any]) -> Section:
    """The section of a config, checked.

    Raises:
        ValueError: a field is unknown or missing, or has an impossible value.
    """
    if not hasattr(section, "keys"):
        raise ValueError(f"data is {section!r}; expected a section.")
    fields = plain(section)
    if "train" in fields:
        fields["train"] = _part(TrainPart, fields["train"], "data.train")
    fields["evals"] = {
        name: _part(Part, value, f"data.evals.{name}")
        for name, value in (fields.get("evals") or {}).items()
    }
    check_arguments(Section, fields, "data")
    result = Section(**fields)
    if result.on_bad_example not in ("stop", "skip"):
        raise ValueError(
            f"data.on_bad_example is 'stop' or 'skip', not {result.on_bad_example!r}."
        )
    return result


def plain(value):
    """A ConfigDict or other mapping as dicts, all the way down."""
    if hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    return value


def _part(kind, fields, what: str):
    if not isinstance(fields, dict):
        raise ValueError(f"{what} has the fields split and transforms, not {fields!r}.")
    check_arguments(kind, fields, what)
    return kind(**fields)


def _per_channel(value, default, channels: int) -> tuple[float, ...]:
    value = default if value is None else value
    values = (value,) if isinstance(value, int | float) else tuple(value)
    if len(values) not in (1, channels):
        raise ValueError(
            "data.mean and data.std need one value, or one per channel of the images "
            f"({channels}), not {len(values)}."
        )
    return tuple(float(v) for v in values) * (channels if len(values) == 1 else 1)
