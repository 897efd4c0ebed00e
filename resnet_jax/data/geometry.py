"""Crops, flips and resizing of stored images.

A transform is called with images, uint8 or uint16 [B, H, W, C], and uniform random
numbers, float [B, draws] in [0, 1): nothing else is random, so that a batch is a
function of its numbers. Those that resize or cut also take a list of images [H, W, C]
of different sizes; those with `one_size` make them alike.
"""

import dataclasses
import math

import numpy as np

from resnet_jax.data.turbo import turbo_libraries

FILTERS = ("nearest", "bilinear", "bicubic", "lanczos")


@dataclasses.dataclass(frozen=True)
class PadCropFlip:
    """Pads, cuts out a random part of the original size, and may flip it.

    He et al. 2015, arXiv:1512.03385, section 4.2 (pad=4, zeros).

    Attributes:
        pad: pixels on each side.
        mode: 'constant' (zeros) or 'reflect' (without repeating the border).
        flip: probability of an image to be mirrored left to right.
    """

    pad: int = 4
    mode: str = "constant"
    flip: float = 0.5
    draws = 3

    def __post_init__(self):
        _whole(self.pad, "pad_crop_flip pad", 0)
        _between(self.flip, "pad_crop_flip flip", 0, 1)
        if self.mode not in ("constant", "reflect"):
            raise ValueError(
                f"pad_crop_flip mode is 'constant' or 'reflect', not {self.mode!r}."
            )

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The cropped images, [B, H, W, C] as before."""
        count, height, width, channels = images.shape
        if self.mode == "reflect" and self.pad >= min(height, width):
            raise ValueError(
                f"pad_crop_flip cannot reflect {self.pad} pixels of images of "
                f"{height} x {width}."
            )
        sides = (0, 0), (self.pad, self.pad), (self.pad, self.pad), (0, 0)
        padded = np.pad(images, sides, mode=self.mode)  # type: ignore[call-overload]
        corners = (u[:, :2] * (2 * self.pad + 1)).astype(int)
        cropped = np.empty((count, height, width, channels), images.dtype)
        for i, (y, x) in enumerate(corners.tolist()):
            cropped[i] = padded[i, y : y + height, x : x + width]
        return Flip(self.flip)(cropped, u[:, 2:])


@dataclasses.dataclass(frozen=True)
class Flip:
    """Mirrors images left to right, half of them by default.

    Attributes:
        probability: of an image to be mirrored.
    """

    probability: float = 0.5
    draws = 1

    def __post_init__(self):
        _between(self.probability, "flip probability", 0, 1)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The images, [B, H, W, C] as before."""
        result = images.copy()
        for i in np.flatnonzero(u[:, 0] < self.probability):
            # Plane by plane: NumPy mirrors pixels of three bytes five times slower.
            for channel in range(images.shape[-1]):
                result[i, ..., channel] = images[i, :, ::-1, channel]
        return result


@dataclasses.dataclass(frozen=True)
class RandomResizedCrop:
    """A random part of random area and aspect ratio, resized to a square.

    Szegedy et al. 2014, arXiv:1409.4842, section 6; the details are those of
    torchvision: ten attempts, then the largest allowed central part; antialiased.

    Attributes:
        size: side of the result in pixels.
        scale: bounds of the part's area relative to the image's.
        ratio: bounds of width / height, drawn log-uniformly.
        filter: 'bilinear', 'bicubic', 'lanczos' or 'nearest'.
        decode: 'full', or 'scaled': a JPEG file is decoded at 1/2, 1/4 or 1/8 of its
            size where the part stays as large as the result, see read_crop; 'turbo':
            that, by faster libraries, see read_part.
    """

    size: int
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    filter: str = "bilinear"
    decode: str = "scaled"
    draws = 22
    one_size = True

    def __post_init__(self):
        _whole(self.size, "random_resized_crop size", 1)
        _check_filter(self.filter)
        if self.decode not in ("full", "scaled", "turbo"):
            raise ValueError(
                "random_resized_crop decode is 'full', 'scaled' or 'turbo', not "
                f"{self.decode!r}."
            )
        if self.decode == "turbo":
            turbo_libraries()
        for name in ("scale", "ratio"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(
                    f"random_resized_crop {name} needs 0 < low <= high, not "
                    f"{(low, high)}."
                )

    def __call__(self, images, u: np.ndarray) -> np.ndarray:
        """Images [B, size, size, C] of an array or a list of images."""
        size = (self.size, self.size)
        parts = [self._part(image, v) for image, v in zip(images, u, strict=True)]
        return np.stack([resized(part, size, self.filter) for part in parts])

    def _part(self, image: np.ndarray, u: np.ndarray) -> np.ndarray:
        y, x, h, w = self.box(image.shape[0], image.shape[1], u)
        return image[y : y + h, x : x + w]

    def box(self, height: int, width: int, u: np.ndarray) -> tuple[int, int, int, int]:
        """Top, left, height and width of the part, for float [22] random numbers."""
        low, high = self.scale
        area = height * width * (low + u[:10] * (high - low))
        low, high = np.log(self.ratio)
        aspect = np.exp(low + u[10:20] * (high - low))
        w = np.rint(np.sqrt(area * aspect)).astype(int)
        h = np.rint(np.sqrt(area / aspect)).astype(int)
        fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
        if fits.any():
            i = int(fits.argmax())
            y, x = u[20] * (height - h[i] + 1), u[21] * (width - w[i] + 1)
            return int(y), int(x), int(h[i]), int(w[i])
        aspect_bounded = min(max(width / height, self.ratio[0]), self.ratio[1])
        w_best = min(width, round(height * aspect_bounded))
        h_best = min(height, round(width / aspect_bounded))
        return (height - h_best) // 2, (width - w_best) // 2, h_best, w_best


@dataclasses.dataclass(frozen=True)
class ScaleCrop:
    """Resizes to a random shorter side, then cuts out a random square.

    Simonyan and Zisserman 2014, arXiv:1409.1556, section 3.1; He et al. 2015,
    arXiv:1512.03385, section 3.4.

    Attributes:
        size: side of the result in pixels.
        sides: bounds of the shorter side, drawn uniformly.
        filter: 'bilinear', 'bicubic', 'lanczos' or 'nearest'.
    """

    size: int
    sides: tuple[int, int] = (256, 480)
    filter: str = "bilinear"
    draws = 3
    one_size = True

    def __post_init__(self):
        _whole(self.size, "scale_crop size", 1)
        _check_filter(self.filter)
        low, high = self.sides
        if not self.size <= low <= high:
            raise ValueError(
                f"scale_crop sides need size = {self.size} <= low <= high, not "
                f"{(low, high)}."
            )

    def __call__(self, images, u: np.ndarray) -> np.ndarray:
        """Images [B, size, size, C] of an array or a list of images."""
        low, high = self.sides
        results = []
        for image, v in zip(images, u, strict=True):
            side = low + int(v[0] * (high - low + 1))
            (scaled,) = Resize(side, self.filter)([image])
            y, x = (v[1:] * (np.array(scaled.shape[:2]) - self.size + 1)).astype(int)
            results.append(scaled[y : y + self.size, x : x + self.size])
        return np.stack(results)


@dataclasses.dataclass(frozen=True)
class Resize:
    """Resizes with antialiasing, as torchvision does with Pillow.

    Attributes:
        size: the shorter side in pixels, the aspect ratio kept; or (height, width).
        filter: 'bilinear', 'bicubic', 'lanczos' or 'nearest'.
    """

    size: int | tuple[int, int]
    filter: str = "bilinear"
    draws = 0

    def __post_init__(self):
        _check_filter(self.filter)
        for side in (self.size,) if isinstance(self.size, int) else tuple(self.size):
            _whole(side, "resize size", 1)

    def __call__(self, images, u: np.ndarray | None = None):
        """Resized images: [B, H', W', C], or a list where the sizes still differ."""
        results = [
            resized(image, self._target(*image.shape[:2]), self.filter)
            for image in images
        ]
        same = len({r.shape for r in results}) == 1
        return np.stack(results) if same else results

    @property
    def one_size(self) -> bool:
        """Whether images of any size come out alike."""
        return not isinstance(self.size, int)

    def _target(self, height: int, width: int) -> tuple[int, int]:
        if not isinstance(self.size, int):
            return self.size[0], self.size[1]
        short, long = sorted((height, width))
        long = int(self.size * long / short)
        return (self.size, long) if height <= width else (long, self.size)


@dataclasses.dataclass(frozen=True)
class CenterCrop:
    """Cuts out the central square.

    Attributes:
        size: its side in pixels.
    """

    size: int
    draws = 0
    one_size = True

    def __post_init__(self):
        _whole(self.size, "center_crop size", 1)

    def __call__(self, images, u: np.ndarray | None = None) -> np.ndarray:
        """Images [B, size, size, C] of an array or a list of images."""
        return np.stack([self._crop(image) for image in images])

    def _crop(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        if self.size > min(height, width):
            raise ValueError(
                f"center_crop of {self.size} pixels does not fit into an image of "
                f"{height} x {width}; put a resize before it."
            )
        y, x = round((height - self.size) / 2), round((width - self.size) / 2)
        return image[y : y + self.size, x : x + self.size]


@dataclasses.dataclass(frozen=True)
class CropMultiple:
    """Cuts off below and on the right until a number divides both sides.

    The `modcrop` of super-resolution, where the number is the scale.

    Attributes:
        multiple: the number.
    """

    multiple: int
    draws = 0

    def __post_init__(self):
        _whole(self.multiple, "crop_multiple multiple", 1)

    def __call__(self, images, u: np.ndarray | None = None):
        """The images, an array or a list of images as before."""
        if isinstance(images, np.ndarray):
            return np.stack([self._crop(image) for image in images])
        return [self._crop(image) for image in images]

    def _crop(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        if self.multiple > min(height, width):
            raise ValueError(
                f"crop_multiple of {self.multiple} leaves nothing of an image of "
                f"{height} x {width}."
            )
        return image[: height - height % self.multiple, : width - width % self.multiple]


@dataclasses.dataclass(frozen=True)
class RandomCrop:
    """Cuts out a square at a random place.

    Attributes:
        size: its side in pixels.
    """

    size: int
    draws = 2
    one_size = True

    def __post_init__(self):
        _whole(self.size, "random_crop size", 1)

    def __call__(self, images, u: np.ndarray) -> np.ndarray:
        """Images [B, size, size, C] of an array or a list of images."""
        return np.stack([self._crop(x, v) for x, v in zip(images, u, strict=True)])

    def _crop(self, image: np.ndarray, u: np.ndarray) -> np.ndarray:
        room = np.array(image.shape[:2]) - self.size + 1
        if room.min() < 1:
            raise ValueError(
                f"random_crop of {self.size} pixels does not fit into an image of "
                f"{image.shape[0]} x {image.shape[1]}; put a resize before it."
            )
        y, x = (u * room).astype(int)
        return image[y : y + self.size, x : x + self.size]


@dataclasses.dataclass(frozen=True)
class Dihedral:
    """Turns and mirrors images at random: the eight ways to lay a square.

    The augmentation of super-resolution and denoising; nothing is interpolated.

    Attributes:
        quarter_turns: False leaves the four ways that keep height and width.
    """

    quarter_turns: bool = True
    draws = 1

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The images, [B, H, W, C] as before."""
        height, width = images.shape[1:3]
        if self.quarter_turns and height != width:
            raise ValueError(
                f"dihedral turns squares, not images of {height} x {width}: put a "
                "random_crop before it, or set quarter_turns=False."
            )
        ways = 8 if self.quarter_turns else 4
        result = np.empty_like(images)
        for i, way in enumerate((u[:, 0] * ways).astype(int).tolist()):
            image = images[i].swapaxes(0, 1) if way >= 4 else images[i]
            result[i] = image[:: -1 if way & 2 else 1, :: -1 if way & 1 else 1]
        return result


def resized(image: np.ndarray, size: tuple[int, int], filter: str) -> np.ndarray:
    """An image [H, W, C], uint8 or uint16, at size (height, width), antialiased."""
    from PIL import Image

    if image.shape[:2] == tuple(size):
        return image
    method = Image.Resampling[filter.upper()]
    if image.dtype == np.uint8 and image.shape[-1] in (1, 3):
        pixels = np.ascontiguousarray(image)
        if image.shape[-1] == 1:
            pixels = pixels[..., 0]
        result = np.asarray(Image.fromarray(pixels).resize(size[::-1], method))
        return result.reshape(*size, image.shape[-1])
    planes = [
        np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size[::-1], method))
        for plane in np.moveaxis(image, -1, 0)
    ]
    limit = math.floor(np.iinfo(image.dtype).max)
    return np.clip(np.rint(np.stack(planes, -1)), 0, limit).astype(image.dtype)


def _whole(value, what: str, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{what} must be a whole number from {least}, not {value!r}.")


def _between(value, what: str, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{what} must be from {low} to {high}, not {value!r}.")


def _check_filter(name: str) -> None:
    if name not in FILTERS:
        raise ValueError(f"the filter is one of {', '.join(FILTERS)}, not {name!r}.")
