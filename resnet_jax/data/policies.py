"""Which operators act on an image, and how strongly: learned and random policies.

Called with images and uniform numbers, as in geometry.py. What numbers choose is
torchvision 0.28's (torchvision.transforms.autoaugment, PIL images) or timm 1.0.31's
(timm.data.auto_augment); what operators do is in operators.py.
"""

import dataclasses
import statistics
from collections.abc import Iterator

import numpy as np

from resnet_jax.data.policy_tables import AUTO_AUGMENT, TIMM, magnitudes, operand

FILTERS = ("nearest", "bilinear", "bicubic")
STYLES = ("torchvision", "timm")
# An operator, the number it takes, and the filter it moves pixels with.
Choice = tuple[str, float, str]


@dataclasses.dataclass(frozen=True)
class RandAugment:
    """Operators chosen at random, all of the same strength.

    Cubuk et al. 2019, arXiv:1909.13719. Style 'torchvision': num_ops of 14 operators
    at bin `magnitude` of 31. Style 'timm': num_ops of 15 operators, each applied with
    probability 0.5, at a strength drawn from a normal distribution and clipped to [0,
    10]; 'rand-m7-n2-mstd0.5-inc1' is magnitude=7, num_ops=2, magnitude_std=0.5,
    increasing=True.

    Attributes:
        num_ops: operators per image.
        magnitude: strength, 0 to 30 (torchvision) or 0 to 10 (timm).
        style: 'torchvision' or 'timm'.
        magnitude_std: deviation of the strength (timm).
        increasing: every operator does more at higher strength (timm); otherwise
            posterize and solarize do less, and color operators go from 0.1 to 1.9.
        filter: 'nearest', 'bilinear', 'bicubic', or 'random': one of the last two.
        fill: the stored value that moves in from outside; None: black in torchvision's
            style, ImageNet's mean color in timm's.
    """

    num_ops: int = 2
    magnitude: float = 9
    style: str = "torchvision"
    magnitude_std: float = 0.0
    increasing: bool = False
    filter: str = "nearest"
    fill: int | tuple[int, ...] | None = None

    def __post_init__(self):
        what, most = "rand_augment", 30 if self.style == "torchvision" else 10
        if self.style not in STYLES:
            raise ValueError(f"{what} style is one of {STYLES}, not {self.style!r}.")
        if not isinstance(self.num_ops, int) or self.num_ops < 1:
            raise ValueError(
                f"{what} num_ops must be a whole number from 1, not {self.num_ops!r}."
            )
        if not 0 <= self.magnitude <= most:
            raise ValueError(
                f"{what} magnitude is 0 to {most} in the style of {self.style}, not "
                f"{self.magnitude!r}."
            )
        if self.magnitude_std < 0:
            raise ValueError(
                f"{what} magnitude_std must be 0 or more, not {self.magnitude_std!r}."
            )
        if self.style == "torchvision" and (
            self.magnitude % 1 or self.magnitude_std or self.increasing
        ):
            raise ValueError(
                f"{what} takes a whole magnitude and neither magnitude_std nor "
                "increasing in the style of torchvision; set style='timm'."
            )
        _check_filter(what, self.filter)

    @property
    def draws(self) -> int:
        """Uniform numbers per image."""
        return self.num_ops * (3 if self.style == "torchvision" else 5)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The images, [B, H, W, C] as before."""
        fill = self.fill
        if fill is None and self.style == "timm":
            fill = (124, 116, 104) if images.shape[-1] == 3 else 128
        return _apply(self, images, u, fill or 0)

    def choices(self, height: int, width: int, u: np.ndarray) -> Iterator[Choice]:
        """What happens to an image of this size, for float [draws] numbers."""
        for v in u.reshape(self.num_ops, -1):
            if self.style == "torchvision":
                table = magnitudes("rand_augment", 31, height, width)
                name, values, signed = _pick(table, v[0])
                value = values[int(self.magnitude)] if values else 0.0
                value = operand(name, _signed(value, signed, v[1]))
                yield name, value, _filter(self.filter, v[2])
            elif v[1] < 0.5:
                name = _pick(tuple(TIMM), v[0])
                level = self.magnitude
                if self.magnitude_std:
                    # Uniform numbers are in [0, 1), the quantiles of (0, 1).
                    quantile = statistics.NormalDist().inv_cdf(max(v[2], 1e-12))
                    level += self.magnitude_std * quantile
                level = min(max(level, 0.0), 10.0)
                sign = -1 if v[3] < 0.5 else 1
                value = TIMM[name](level, sign, self.increasing, height, width)
                yield name, value, _filter(self.filter, v[4])


@dataclasses.dataclass(frozen=True)
class TrivialAugment:
    """One operator of any strength. Müller and Hutter 2021, arXiv:2103.10158.

    The wide space, as torchvision's TrivialAugmentWide: 14 operators, 31 strengths.

    Attributes:
        filter: 'nearest', 'bilinear', 'bicubic', or 'random': one of the last two.
        fill: the stored value that moves in from outside.
    """

    filter: str = "nearest"
    fill: int | tuple[int, ...] = 0
    draws = 4

    def __post_init__(self):
        _check_filter("trivial_augment", self.filter)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The images, [B, H, W, C] as before."""
        return _apply(self, images, u, self.fill)

    def choices(self, height: int, width: int, u: np.ndarray) -> Iterator[Choice]:
        """What happens to an image of this size, for float [draws] numbers."""
        table = magnitudes("trivial_augment", 31, height, width)
        name, values, signed = _pick(table, u[0])
        value = _pick(values, u[1]) if values else 0.0
        value = operand(name, _signed(value, signed, u[2]))
        yield name, value, _filter(self.filter, u[3])


@dataclasses.dataclass(frozen=True)
class AutoAugment:
    """One of 25 learned pairs of operators. Cubuk et al. 2018, arXiv:1805.09501.

    Attributes:
        policy: 'imagenet', 'cifar10' or 'svhn'.
        filter: 'nearest', 'bilinear', 'bicubic', or 'random': one of the last two.
        fill: the stored value that moves in from outside.
    """

    policy: str = "imagenet"
    filter: str = "nearest"
    fill: int | tuple[int, ...] = 0
    draws = 7

    def __post_init__(self):
        if self.policy not in AUTO_AUGMENT:
            known = ", ".join(AUTO_AUGMENT)
            raise ValueError(
                f"auto_augment policy is one of {known}, not {self.policy!r}."
            )
        _check_filter("auto_augment", self.filter)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The images, [B, H, W, C] as before."""
        return _apply(self, images, u, self.fill)

    def choices(self, height: int, width: int, u: np.ndarray) -> Iterator[Choice]:
        """What happens to an image of this size, for float [draws] numbers."""
        table = {row[0]: row for row in magnitudes("auto_augment", 10, height, width)}
        pair = _pick(AUTO_AUGMENT[self.policy], u[0])
        for (name, probability, level), v in zip(
            pair, u[1:].reshape(2, 3), strict=True
        ):
            if v[0] < probability:
                _, values, signed = table[name]
                value = values[level] if values else 0.0
                value = operand(name, _signed(value, signed, v[1]))
                yield name, value, _filter(self.filter, v[2])


def _apply(policy, images: np.ndarray, u: np.ndarray, fill) -> np.ndarray:
    from PIL import Image

    from resnet_jax.data.operators import operate

    _, height, width, channels = images.shape
    if images.dtype != np.uint8 or channels not in (1, 3):
        raise ValueError(
            f"{type(policy).__name__} needs uint8 images of 1 or 3 channels, not "
            f"{images.dtype} of {channels}."
        )
    results = np.empty_like(images)
    for i, image in enumerate(images):
        picture = Image.fromarray(image if channels == 3 else image[..., 0])
        for name, value, filter in policy.choices(height, width, u[i]):
            picture = operate(picture, name, value, filter, fill)
        results[i] = np.asarray(picture).reshape(image.shape)
    return results


def _pick(items, u: float):
    return items[int(u * len(items))]


def _signed(value: float, signed: bool, u: float) -> float:
    return -value if signed and u < 0.5 else value


def _filter(name: str, u: float) -> str:
    return _pick(("bilinear", "bicubic"), u) if name == "random" else name


def _check_filter(what: str, name: str) -> None:
    if name not in (*FILTERS, "random"):
        known = ", ".join((*FILTERS, "random"))
        raise ValueError(f"{what} filter is one of {known}, not {name!r}.")
