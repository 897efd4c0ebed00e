"""What JPEG takes from an image, without its files."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from resnet_jax.degrade.base import Degradation
from resnet_jax.degrade.span import Span, check_span, draw

EXACT = jax.lax.Precision.HIGHEST
# ITU-T T.81, annex K.1: quantization of luminance and chrominance at quality 50.
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
# ITU-T T.871, section 7: Y, Cb and Cr of R, G and B.
YCBCR = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.168736, -0.331264, 0.5],
        [0.5, -0.418688, -0.081312],
    ]
)


@dataclasses.dataclass(frozen=True)
class Jpeg(Degradation):
    """Quantized cosine coefficients of 8 x 8 blocks, as a decoder shows them.

    Tables are scaled by quality as the Independent JPEG Group's library does. Color
    differences keep every pixel (4:4:4) or are halved first (4:2:0). An image whose
    sides are no multiple of 8 (of 16 with 4:2:0) is continued at its border.

    Attributes:
        quality: from 1 to 100; (low, high) is drawn per image.
        halved: whether color differences have half the resolution.

    Raises:
        ValueError: quality is out of range.
    """

    quality: Span = (10.0, 95.0)
    halved: bool = True

    def __post_init__(self):
        check_span("quality", self.quality, 1, 100)

    def channels(self, channels: int) -> tuple[int, int]:
        """Grey or color."""
        if channels not in (1, 3):
            raise ValueError(
                f"degradation 'jpeg' is of images with 1 or 3 channels, not {channels}."
            )
        return channels, channels

    def degrade(self, key: Array, clean: Array) -> Array:
        """The image after JPEG, rounded to grey levels."""
        quality = jnp.floor(draw(key, self.quality))
        levels = jnp.round(255 * clean)
        height, width, channels = clean.shape
        square = 16 if channels == 3 and self.halved else 8
        around = [(0, -size % square) for size in (height, width)]
        padded = jnp.pad(levels, (*around, (0, 0)), mode="edge")
        if channels == 1:
            back = _coded(padded[..., 0], LUMINANCE, quality)[..., None]
        else:
            matrix = jnp.asarray(YCBCR, clean.dtype)
            y, *colors = jnp.moveaxis(_product(padded, matrix.T), -1, 0)
            y = _coded(jnp.round(y), LUMINANCE, quality)
            colors = [self._color(jnp.round(x + 128), quality) - 128 for x in colors]
            inverse = jnp.asarray(np.linalg.inv(YCBCR), clean.dtype)
            back = _levels(_product(jnp.stack([y, *colors], -1), inverse.T))
        return back[:height, :width] / 255

    def _color(self, plane: Array, quality: Array) -> Array:
        if not self.halved:
            return _coded(plane, CHROMINANCE, quality)
        height, width = plane.shape
        small = plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
        small = _coded(jnp.round(small), CHROMINANCE, quality)
        # Three quarters of the nearest pixel and one of the next, as libjpeg enlarges.
        return jax.image.resize(small, plane.shape, "linear", precision=EXACT)


def cosines() -> np.ndarray:
    """The orthonormal cosine transform [frequency, place] of 8 numbers, DCT-II."""
    places, frequencies = np.arange(8), np.arange(8)[:, None]
    matrix = np.cos(math.pi * (2 * places + 1) * frequencies / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


def quantization(table: tuple, quality: Array) -> Array:
    """The steps [8, 8] of coefficients, whole numbers from 1 to 255.

    Args:
        table: of quality 50.
        quality: a whole number from 1 to 100.
    """
    percent = jnp.where(quality < 50, jnp.floor(5000 / quality), 200 - 2 * quality)
    steps = jnp.floor((jnp.asarray(table, percent.dtype) * percent + 50) / 100)
    return jnp.clip(steps, 1, 255)


def _coded(plane: Array, table: tuple, quality: Array) -> Array:
    """A plane [H, W] of grey levels after quantization of its blocks' coefficients."""
    height, width = plane.shape
    steps = quantization(table, quality)
    matrix = jnp.asarray(cosines(), plane.dtype)
    blocks = (plane - 128).reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)
    found = _product(_product(matrix, blocks), matrix.T)
    found = jnp.round(found / steps) * steps
    blocks = _product(_product(matrix.T, found), matrix)
    return _levels(blocks.swapaxes(1, 2).reshape(height, width) + 128)


def _levels(x: Array) -> Array:
    return jnp.clip(jnp.round(x), 0, 255)


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=EXACT)
