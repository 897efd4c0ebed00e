"""Random changes of color and random erasing, on stored pixels.

Called with images and uniform numbers, as in geometry.py.
"""

import dataclasses

import numpy as np

_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601-2 luma


@dataclasses.dataclass(frozen=True)
class ColorJitter:
    """Changes brightness, contrast, saturation and hue at random, in random order.

    As torchvision's ColorJitter: the first three are factors drawn from
    [max(0, 1 - x), 1 + x], hue is a shift drawn from [-x, x] of the full circle.
    Computed in float and rounded once (torchvision rounds after each of the four).
    Saturation and hue leave grey images as they are.

    Attributes:
        brightness, contrast, saturation: half widths from 0.
        hue: half width from 0 to 0.5.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    draws = 8

    def __post_init__(self):
        for name in ("brightness", "contrast", "saturation"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"color_jitter {name} must be from 0, not {getattr(self, name)!r}."
                )
        if not 0 <= self.hue <= 0.5:
            raise ValueError(
                f"color_jitter hue must be from 0 to 0.5, not {self.hue!r}."
            )

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The images, [B, H, W, C] as before."""
        limit = np.iinfo(images.dtype).max
        pixels = images.astype(np.float32) / limit
        changes = (_brighten, _contrast, _saturate, _shift_hue)
        amounts = (self.brightness, self.contrast, self.saturation, self.hue)
        color = images.shape[-1] == 3
        for turn in np.argsort(u[:, 4:8], axis=1).T:
            for i, (change, amount) in enumerate(zip(changes, amounts, strict=True)):
                rows = turn == i
                if not amount or not rows.any() or (i >= 2 and not color):
                    continue
                low = -amount if i == 3 else max(0.0, 1 - amount)
                high = amount if i == 3 else 1 + amount
                value = (low + u[rows, i] * (high - low)).astype(np.float32)
                pixels[rows] = change(pixels[rows], value[:, None, None, None])
        return np.rint(pixels * limit).astype(images.dtype)


@dataclasses.dataclass(frozen=True)
class Cutout:
    """Erases a square at a random place; parts of it may lie outside the image.

    DeVries and Taylor 2017, arXiv:1708.04552, section 3: its center is any pixel.

    Attributes:
        size: side of the square in pixels (the paper: 16 for CIFAR-10, 8 for
            CIFAR-100).
        fill: the stored value put there; the paper's zero after normalization is the
            mean color, 0 is black.
    """

    size: int
    fill: int | tuple[int, ...] = 0
    draws = 2

    def __post_init__(self):
        if not isinstance(self.size, int) or self.size < 1:
            raise ValueError(
                f"cutout size must be a whole number from 1, not {self.size!r}."
            )

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """A copy of the images, [B, H, W, C], with a hole each."""
        holes = [
            (np.arange(side) >= start[:, None])
            & (np.arange(side) < start[:, None] + self.size)
            for side, v in zip(images.shape[1:3], u.T, strict=True)
            for start in [(v * side).astype(int) - self.size // 2]
        ]
        hole = holes[0][:, :, None, None] & holes[1][:, None, :, None]
        return np.where(hole, np.array(self.fill, images.dtype), images)


def _brighten(pixels, factor):
    return np.clip(pixels * factor, 0, 1)


def _contrast(pixels, factor):
    mean = _grey(pixels).mean(axis=(1, 2, 3), keepdims=True)
    return np.clip(mean + factor * (pixels - mean), 0, 1)


def _saturate(pixels, factor):
    grey = _grey(pixels)
    return np.clip(grey + factor * (pixels - grey), 0, 1)


def _grey(pixels):
    return (pixels @ _GREY)[..., None] if pixels.shape[-1] == 3 else pixels


def _shift_hue(pixels, shift):
    """Through hue, saturation and value, as in Python's colorsys."""
    high, low = pixels.max(-1), pixels.min(-1)
    span = high - low
    safe = np.where(span > 0, span, 1)
    red, green, blue = np.moveaxis(pixels, -1, 0)
    hue = np.where(
        high == red,
        (green - blue) / safe,
        np.where(high == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = (hue / 6 + shift[..., 0]) % 1
    # Each channel is a trapezoid of the hue, shifted by a third of the circle.
    offsets = np.array([5, 3, 1], np.float32)
    k = (offsets + hue[..., None] * 6) % 6
    return high[..., None] - span[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1)
