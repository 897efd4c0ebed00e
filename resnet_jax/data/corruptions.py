"""Common corruptions of images, at five severities, each the same every time.

Hendrycks and Dietterich 2019, arXiv:1903.12261; the numbers are those of the programs
published with it (hendrycks/robustness): make_imagenet_c.py for images with a shorter
side over 64 pixels, make_cifar_c.py for smaller ones. Of the paper's 15 corruptions
`glass_blur` and `frost` (which needs photographs of frost) are left out; of its four
extra ones `spatter`. Not identical to the published image files: the random numbers are
ours, values are rounded rather than cut off, and nothing is saved as JPEG after.
"""

import dataclasses
import io
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from resnet_jax.data import blur, weather
from resnet_jax.data.reader import Reader
from resnet_jax.lookup import suggest

SEVERITIES = (1, 2, 3, 4, 5)
SMALL = 64  # pixels of the shorter side, up to which the numbers of CIFAR-10-C are used


class Corruption(NamedTuple):
    """One kind: what it does, and its numbers from severity 1 to 5.

    Attributes:
        function: (x float [H, W, C] in [0, 1], rng, *numbers) -> the same, unclipped.
        large: the numbers for images such as ImageNet's.
        small: for images such as CIFAR's.
    """

    function: Callable[..., np.ndarray]
    large: tuple[Any, ...]
    small: tuple[Any, ...]


def corrupt(
    image: np.ndarray, name: str, severity: int, *, seed: int = 0, index: int = 0
) -> np.ndarray:
    """The corrupted image: a function of the arguments alone.

    Args:
        image: uint8 [H, W, C] with 1 or 3 channels.
        name: a name in CORRUPTIONS.
        severity: 1 to 5.
        seed, index: of the evaluation, and of the image in it: other random numbers.

    Raises:
        ValueError: an unknown name, a severity or an image that it cannot take.
    """
    check_corruption(name, severity)
    if image.dtype != np.uint8 or image.shape[-1] not in (1, 3):
        raise ValueError(
            f"corruptions take uint8 images of 1 or 3 channels, not {image.dtype} "
            f"{list(image.shape)}."
        )
    kind = CORRUPTIONS[name]
    numbers = kind.small if min(image.shape[:2]) <= SMALL else kind.large
    words = (seed, index, zlib.crc32(name.encode()), severity)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))
    chosen = numbers[severity - 1]
    chosen = chosen if isinstance(chosen, tuple) else (chosen,)
    x = kind.function(image.astype(np.float32) / 255, rng, *chosen)
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)


def check_corruption(name: str, severity: Any) -> None:
    """Raises ValueError for an unknown name or severity."""
    if name not in CORRUPTIONS:
        raise ValueError(f"unknown corruption '{name}'. {suggest(name, CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise ValueError(f"severity is {severity!r}; expected 1 to 5.")


@dataclasses.dataclass(frozen=True)
class Corrupted:
    """A source: what a reader gives, corrupted; the index chooses the random numbers.

    Attributes:
        reader: of an evaluation.
        corruption, severity, seed: see `corrupt`.
    """

    reader: Reader
    corruption: str
    severity: int
    seed: int = 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the reader's source."""
        return self.reader.source.class_names

    def __len__(self) -> int:
        return len(self.reader.source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = self.reader.example(index, np.zeros(self.reader.draws))
        image = corrupt(
            example["image"],
            self.corruption,
            self.severity,
            seed=self.seed,
            index=index,
        )
        return {**example, "image": image}

    def __repr__(self) -> str:
        return f"{self.reader.source!r}, {self.corruption} {self.severity}"


def _gaussian_noise(x, rng, std):
    return x + rng.normal(0, std, x.shape)


def _shot_noise(x, rng, photons):
    return rng.poisson(x * photons) / photons


def _impulse_noise(x, rng, share):
    u = rng.random(x.shape)
    return np.where(u < share / 2, 0, np.where(u < share, 1, x))


def _speckle_noise(x, rng, std):
    return x + x * rng.normal(0, std, x.shape)


def _gaussian_blur(x, rng, sigma):
    return blur.gaussian(x, sigma)


def _defocus_blur(x, rng, radius, edge):
    return blur.defocus(x, radius, edge)


def _motion_blur(x, rng, radius, sigma):
    return blur.motion(x, radius, sigma, rng.uniform(-45, 45))


def _zoom_blur(x, rng, stop, step):
    return blur.zoom(x, stop, step)


def _brightness(x, rng, amount):
    """The value of hue, saturation and value is raised."""
    return x + amount if x.shape[-1] == 1 else _in_hsv(x, 2, 1, amount)


def _saturate(x, rng, factor, amount):
    """Grey images have no saturation."""
    return x if x.shape[-1] == 1 else _in_hsv(x, 1, factor, amount)


def _in_hsv(x, channel, factor, amount):
    from skimage import color

    hsv = color.rgb2hsv(x)
    hsv[..., channel] = np.clip(hsv[..., channel] * factor + amount, 0, 1)
    return color.hsv2rgb(hsv)


def _contrast(x, rng, factor):
    mean = x.mean((0, 1), keepdims=True)
    return (x - mean) * factor + mean


def _elastic(x, rng, reach, smoothness, shift):
    """A random affine map, then a smooth random displacement of every pixel.

    Args:
        x: the image.
        rng: a NumPy generator.
        reach: factor of the displacements, in shorter sides of the image.
        smoothness: sigma of the Gaussian that smooths them, likewise.
        shift: how far the three points that define the affine map move, likewise.
    """
    from scipy import ndimage

    height, width, channels = x.shape
    side, third = min(height, width), min(height, width) // 3
    middle = np.array([height // 2, width // 2], np.float64)
    points = middle + third * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = points + rng.uniform(-shift * side, shift * side, points.shape)
    back = np.linalg.solve(np.c_[moved, np.ones(3)], points)
    places = np.mgrid[:height, :width].astype(np.float64)
    source = np.tensordot(back[:2].T, places, 1) + back[2][:, None, None]
    noise = rng.uniform(-1, 1, (2, height, width))
    smooth = ndimage.gaussian_filter(
        noise, (0, smoothness * side, smoothness * side), mode="reflect", truncate=3
    )
    result = np.empty_like(x)
    for channel in range(channels):
        warped = ndimage.map_coordinates(
            x[..., channel], source, order=1, mode="mirror"
        )
        result[..., channel] = ndimage.map_coordinates(
            warped, places + reach * side * smooth, order=1, mode="reflect"
        )
    return result


def _pixelate(x, rng, factor):
    from PIL import Image

    picture = _picture(x)
    small = [max(1, int(side * factor)) for side in picture.size]
    for size in (small, picture.size):
        picture = picture.resize(size, Image.Resampling.BOX)
    return _array(picture)


def _jpeg_compression(x, rng, quality):
    from PIL import Image

    file = io.BytesIO()
    _picture(x).save(file, "JPEG", quality=quality)
    return _array(Image.open(file))


def _picture(x):
    from PIL import Image

    pixels = np.rint(x * 255).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if x.shape[-1] == 1 else pixels)


def _array(picture):
    return np.atleast_3d(np.asarray(picture)).astype(np.float32) / 255


# The program's authors note that they wrote 244 for 224 here.
_OFF = 244 / 224
CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption(
        _gaussian_noise, (0.08, 0.12, 0.18, 0.26, 0.38), (0.04, 0.06, 0.08, 0.09, 0.10)
    ),
    "shot_noise": Corruption(_shot_noise, (60, 25, 12, 5, 3), (500, 250, 100, 75, 50)),
    "impulse_noise": Corruption(
        _impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27), (0.01, 0.02, 0.03, 0.05, 0.07)
    ),
    "speckle_noise": Corruption(
        _speckle_noise, (0.15, 0.2, 0.35, 0.45, 0.6), (0.06, 0.1, 0.12, 0.16, 0.2)
    ),
    "gaussian_blur": Corruption(
        _gaussian_blur, (1, 2, 3, 4, 6), (0.4, 0.6, 0.7, 0.8, 1)
    ),
    "defocus_blur": Corruption(
        _defocus_blur,
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    ),
    "motion_blur": Corruption(
        _motion_blur,
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    ),
    "zoom_blur": Corruption(
        _zoom_blur,
        ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
        ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    ),
    "snow": Corruption(
        weather.snow,
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
    ),
    "fog": Corruption(
        weather.fog,
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    ),
    "brightness": Corruption(
        _brightness, (0.1, 0.2, 0.3, 0.4, 0.5), (0.05, 0.1, 0.15, 0.2, 0.3)
    ),
    "contrast": Corruption(
        _contrast, (0.4, 0.3, 0.2, 0.1, 0.05), (0.75, 0.5, 0.4, 0.3, 0.15)
    ),
    "saturate": Corruption(
        _saturate,
        ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
        ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
    ),
    "elastic_transform": Corruption(
        _elastic,
        (
            (2 * _OFF, 0.7 * _OFF, 0.1 * _OFF),
            (2 * _OFF, 0.08 * _OFF, 0.2 * _OFF),
            (0.05 * _OFF, 0.01 * _OFF, 0.02 * _OFF),
            (0.07 * _OFF, 0.01 * _OFF, 0.02 * _OFF),
            (0.12 * _OFF, 0.01 * _OFF, 0.02 * _OFF),
        ),
        (
            (0, 0, 0.08),
            (0.05, 0.2, 0.07),
            (0.08, 0.06, 0.06),
            (0.1, 0.04, 0.05),
            (0.1, 0.03, 0.03),
        ),
    ),
    "pixelate": Corruption(
        _pixelate, (0.6, 0.5, 0.4, 0.3, 0.25), (0.95, 0.9, 0.85, 0.75, 0.65)
    ),
    "jpeg_compression": Corruption(
        _jpeg_compression, (25, 18, 15, 10, 7), (80, 65, 58, 50, 40)
    ),
}
