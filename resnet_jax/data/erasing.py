"""Random erasing, on stored pixels.

Called with images and uniform numbers, as in geometry.py.
"""

import dataclasses

import numpy as np

from resnet_jax.spec import IMAGENET_MEAN, IMAGENET_STD

VALUES = ("mean", "zeros", "noise")


@dataclasses.dataclass(frozen=True)
class RandomErasing:
    """Erases a rectangle that lies inside the image.

    Zhong et al. 2017, arXiv:1708.04896; the details are torchvision's and timm's: ten
    attempts at a rectangle lower and narrower than the image, else none. They erase
    after normalization, this one before: value='mean' is their zero (to within the
    rounding of the mean to a stored value) and value='noise' their standard normal
    noise per value ('random', 'pixel'), cut off at black and white.

    Attributes:
        probability: of an image to lose a rectangle.
        scale: bounds of its area relative to the image's.
        ratio: bounds of its height / width, drawn log-uniformly.
        value: 'mean', 'zeros' (black) or 'noise'.
        mean, std: of the pixels, in [0, 1] units; None: ImageNet's for 3 channels,
            else 0.5, as in the data section.
    """

    probability: float = 0.5
    scale: tuple[float, float] = (0.02, 1 / 3)
    ratio: tuple[float, float] = (0.3, 10 / 3)
    value: str = "mean"
    mean: float | tuple[float, ...] | None = None
    std: float | tuple[float, ...] | None = None
    draws = 24

    def __post_init__(self):
        if not 0 <= self.probability <= 1:
            raise ValueError(
                f"random_erasing probability must be from 0 to 1, not "
                f"{self.probability!r}."
            )
        if not 0 <= self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(
                f"random_erasing scale needs 0 <= low <= high <= 1, not {self.scale}."
            )
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(
                f"random_erasing ratio needs 0 < low <= high, not {self.ratio}."
            )
        if self.value not in VALUES:
            known = ", ".join(VALUES)
            raise ValueError(
                f"random_erasing value is one of {known}, not {self.value!r}."
            )

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """A copy of the images, [B, H, W, C], some with a rectangle erased."""
        results = images.copy()
        for image, v in zip(results, u, strict=True):
            height, width = image.shape[:2]
            if v[0] < self.probability and (box := self.box(height, width, v)):
                y, x, h, w = box
                image[y : y + h, x : x + w] = self._color(image, h, w, v[23])
        return results

    def box(
        self, height: int, width: int, u: np.ndarray
    ) -> tuple[int, int, int, int] | None:
        """Top, left, height and width, for float [24] numbers; None: none fits."""
        low, high = self.scale
        area = height * width * (low + u[1:11] * (high - low))
        low, high = np.log(self.ratio)
        aspect = np.exp(low + u[11:21] * (high - low))
        h = np.rint(np.sqrt(area * aspect)).astype(int)
        w = np.rint(np.sqrt(area / aspect)).astype(int)
        fits = (h < height) & (w < width)
        if not fits.any():
            return None
        i = int(fits.argmax())
        y, x = u[21] * (height - h[i] + 1), u[22] * (width - w[i] + 1)
        return int(y), int(x), int(h[i]), int(w[i])

    def _color(self, image: np.ndarray, height: int, width: int, u: float):
        channels, limit = image.shape[-1], np.iinfo(image.dtype).max
        if self.value == "zeros":
            return 0
        three = channels == 3
        mean = (IMAGENET_MEAN if three else 0.5) if self.mean is None else self.mean
        std = (IMAGENET_STD if three else 0.5) if self.std is None else self.std
        color = np.broadcast_to(mean, channels)
        if self.value == "noise":
            generator = np.random.default_rng(int(u * 2**53))
            noise = generator.standard_normal((height, width, channels))
            color = color + np.asarray(std) * noise
        return np.rint(np.clip(color, 0, 1) * limit)
