"""What was done to an image before the network saw it, to be done again.

The operations and their rounding are those of timm's evaluation transform and of
torchvision's presets, both of which resize with Pillow.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from resnet_jax.spec import IMAGENET_MEAN, IMAGENET_STD

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
CROP_MODES = ("center", "squash", "border", "none")
_COLORS = {1: "grey", 3: "RGB"}

Size = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Turns an image into what a network was trained on.

    Attributes:
        input_size: height, width and channels of the result.
        resize: pixels of the shorter side before the crop; (height, width) where the
            crop is not square or the mode is 'squash' or 'border'; None for no resize.
        interpolation: Pillow's filter, one of INTERPOLATIONS; always antialiased.
        crop_pct: timm's ratio of crop to resize, where `resize` came from it.
        crop_mode: 'center' (keeps the aspect ratio and cuts the middle out),
            'squash' (changes the aspect ratio), 'border' (the whole image fits, mean
            color around it), 'none' (no crop).
        mean, std: per channel, or one for all, in [0, 1] units.
    """

    input_size: tuple[int, int, int]
    resize: int | Size | None
    interpolation: str = "bicubic"
    crop_pct: float | None = None
    crop_mode: str = "center"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __post_init__(self):
        for field, known in (
            ("interpolation", INTERPOLATIONS),
            ("crop_mode", CROP_MODES),
        ):
            if (value := getattr(self, field)) not in known:
                raise ValueError(
                    f"{field} of a preprocessing is one of {', '.join(known)}, not "
                    f"{value!r}."
                )
        for field in ("mean", "std"):
            if (count := len(getattr(self, field))) not in (1, self.channels):
                raise ValueError(
                    f"{field} of a preprocessing has {count} values for "
                    f"{self.channels} channels."
                )

    @property
    def channels(self) -> int:
        """Of the images."""
        return self.input_size[2]

    def __call__(self, image: Any) -> np.ndarray:
        """A Pillow image, or uint8 [H, W] or [H, W, C], to float32 in model units.

        Raises:
            ValueError: the image has other channels, or a size that does not fit where
                nothing resizes it.
        """
        pixels = self.image(image).astype(np.float32) / np.float32(255)
        mean, std = (np.asarray(v, np.float32) for v in (self.mean, self.std))
        return (pixels - mean) / std

    def image(self, image: Any) -> np.ndarray:
        """The resized and cropped image before it is normalized: uint8 [H, W, C]."""
        bands = self._bands(image)
        width, height = bands[0].size
        if self.resize is not None:
            target = self._target(height, width)
            bands = [_resized(band, target, self.interpolation) for band in bands]
        pixels = np.concatenate([np.atleast_3d(np.asarray(b)) for b in bands], axis=-1)
        if self.crop_mode != "none":
            pixels = _center(pixels, self.input_size[:2], self._fill())
        elif self.resize is None and pixels.shape != self.input_size:
            raise ValueError(
                f"the image has {_size(pixels.shape)} pixels, and the network was "
                f"trained on {_size(self.input_size)} without resizing; bring it to "
                "that size first."
            )
        return pixels

    def for_channels(self, channels: int) -> "Preprocessing":
        """For another number of channels: mean and std are averaged, as in timm."""
        height, width, old = self.input_size
        if channels == old:
            return self
        mean, std = ((sum(v) / len(v),) for v in (self.mean, self.std))
        size = (height, width, channels)
        return dataclasses.replace(self, input_size=size, mean=mean, std=std)

    def __str__(self) -> str:
        """In one sentence."""
        height, width, channels = self.input_size
        steps = [f"converted to {_COLORS.get(channels, f'{channels} channels')}"]
        if self.resize is not None:
            kept = "the shorter side" if isinstance(self.resize, int) else "cover"
            kind = {"squash": "exactly", "border": "fit into"}.get(self.crop_mode, kept)
            size = self.resize if isinstance(self.resize, int) else _size(self.resize)
            steps.append(f"resized to {size} pixels ({kind}, {self.interpolation})")
        elif self.crop_mode == "none":
            steps.append(f"taken at {_size(self.input_size)} pixels, never resized")
        if self.crop_mode != "none":
            steps.append(f"cropped to the central {height} x {width}")
        mean, std = (", ".join(f"{v:.4g}" for v in vs) for vs in (self.mean, self.std))
        return (
            f"Images are {', '.join(steps)}, scaled to [0, 1], and normalized with "
            f"mean ({mean}) and std ({std})."
        )

    @classmethod
    def from_timm(
        cls, config: Mapping[str, Any], test: bool = False
    ) -> "Preprocessing":
        """Of timm's pretrained_cfg; what it leaves out are timm's own defaults.

        Args:
            config: with input_size [channels, height, width], crop_pct, ...
            test: take test_input_size and test_crop_pct where they are given.
        """
        first = ("test_input_size", "test_crop_pct") if test else ("", "")
        size = config.get(first[0]) or config.get("input_size") or (3, 224, 224)
        crop_pct = config.get(first[1]) or config.get("crop_pct") or 0.875
        channels, height, width = size
        mode = config.get("crop_mode") or "center"
        scaled = math.floor(height / crop_pct), math.floor(width / crop_pct)
        shorter = mode == "center" and scaled[0] == scaled[1]
        return cls(
            input_size=(height, width, channels),
            resize=scaled[0] if shorter else scaled,
            interpolation=config.get("interpolation") or "bicubic",
            crop_pct=crop_pct,
            crop_mode=mode,
            mean=_values(config.get("mean") or IMAGENET_MEAN, channels),
            std=_values(config.get("std") or IMAGENET_STD, channels),
        )

    def to_timm(self) -> dict[str, Any]:
        """The fields of pretrained_cfg that say the same to timm.

        Where nothing is resized, timm leaves images of that size as they are.
        """
        height, width, channels = self.input_size
        return {
            "input_size": [channels, height, width],
            "interpolation": self.interpolation,
            "crop_pct": self.crop_pct or self._ratio(),
            "crop_mode": "center" if self.crop_mode == "none" else self.crop_mode,
            "mean": [*self.mean] * (channels // len(self.mean)),
            "std": [*self.std] * (channels // len(self.std)),
        }

    def _ratio(self) -> float:
        """A crop_pct from which timm computes `resize` again."""
        height = self.input_size[0]
        if self.resize is None:
            return 1.0
        side = self.resize if isinstance(self.resize, int) else self.resize[0]
        exact = height / side
        return exact if math.floor(height / exact) == side else height / (side + 0.5)

    def _bands(self, image: Any) -> list[Any]:
        """Pillow images that are resized one by one: one, or one per channel."""
        from PIL import Image

        if isinstance(image, Image.Image):
            if self.channels in _COLORS:
                return [image.convert("L" if self.channels == 1 else "RGB")]
            image = np.asarray(image)
        array = np.asarray(image)
        if array.dtype != np.uint8 or array.ndim not in (2, 3):
            raise ValueError(
                f"preprocessing takes a Pillow image or uint8 [H, W, C], not "
                f"{array.dtype} {list(array.shape)}."
            )
        array = array if array.ndim == 3 else array[..., None]
        count = array.shape[-1]
        if count in _COLORS and self.channels in _COLORS:
            plain = array[..., 0] if count == 1 else array
            return self._bands(Image.fromarray(np.ascontiguousarray(plain)))
        if count != self.channels:
            raise ValueError(
                f"the image has {count} channels; the network takes {self.channels}."
            )
        return [Image.fromarray(plane) for plane in np.moveaxis(array, -1, 0).copy()]

    def _target(self, height: int, width: int) -> Size:
        """The size to resize to, for an image of a given size."""
        if isinstance(self.resize, int):
            long = int(self.resize * max(height, width) / min(height, width))
            return (self.resize, long) if height <= width else (long, self.resize)
        assert self.resize is not None
        if self.crop_mode == "squash":
            return self.resize
        ratios = height / self.resize[0], width / self.resize[1]
        ratio = max(ratios) if self.crop_mode == "border" else min(ratios)
        return round(height / ratio), round(width / ratio)

    def _fill(self) -> tuple[int, ...]:
        """The color around an image that is smaller than its crop."""
        border = self.crop_mode == "border"
        return tuple(round(255 * value) if border else 0 for value in self.mean)


def _values(value: Any, channels: int) -> tuple[float, ...]:
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    return values if len(values) in (1, channels) else (sum(values) / len(values),)


def _resized(image: Any, size: Size, interpolation: str) -> Any:
    from PIL import Image

    return image.resize(size[::-1], Image.Resampling[interpolation.upper()])


def _center(pixels: np.ndarray, size: Size, fill: tuple[int, ...]) -> np.ndarray:
    """The middle, first padded where it is too small: torchvision's rounding."""
    missing = [
        max(0, want - have) for want, have in zip(size, pixels.shape, strict=False)
    ]
    if any(missing):
        (top, left), channels = (m // 2 for m in missing), pixels.shape[2]
        canvas = np.empty(
            (pixels.shape[0] + missing[0], pixels.shape[1] + missing[1], channels),
            np.uint8,
        )
        canvas[:] = fill
        canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        pixels = canvas
    top, left = (
        round((have - want) / 2) for have, want in zip(pixels.shape, size, strict=False)
    )
    return np.ascontiguousarray(pixels[top : top + size[0], left : left + size[1]])


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:2]))
