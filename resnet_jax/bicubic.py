"""Bicubic resizing, sample for sample that of the published super-resolution sets.

MATLAB's imresize(image, scale, 'bicubic') of 8-bit images, as the low-resolution images
of Set5, Set14, BSD100 and Urban100 were made: Keys' kernel with a = -1/2, widened when
shrinking; one axis after the other, the one that shrinks most first, rows first where
both shrink alike; each result rounded half up to the image's type. Beyond the border
lies the edge pixel. (Newer versions of MATLAB mirror the image there.)
"""

import math
from collections.abc import Callable
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

Scale = float | Fraction
Size = tuple[int, int]
SUPPORT = 2  # how far the kernel reaches, in pixels of the coarser image
# Indices of pixels, some of them outside [0, size), to those that are there.
BORDERS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "clamp": lambda index, size: index.clip(0, size - 1),
    "mirror": lambda index, size: np.minimum(
        index % (2 * size), 2 * size - 1 - index % (2 * size)
    ),
}


def keys_cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -1/2 (1981, "Cubic convolution interpolation", eq. 15)."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= SUPPORT, far, 0.0))


def bicubic(
    image: np.ndarray,
    scale: Scale | None = None,
    *,
    size: Size | None = None,
    border: str = "clamp",
) -> np.ndarray:
    """Resizes stored images; computed in float64.

    Args:
        image: uint8 or uint16 [..., H, W, C], or [H, W].
        scale: of both sides, such as 4 or 1/4; sides are rounded up.
        size: height and width of the result, in place of a scale.
        border: 'clamp', as the published sets, or 'mirror', as newer MATLAB.

    Returns:
        The same type, [..., H', W', C] or [H', W'].

    Raises:
        ValueError: another type or number of axes, a scale or size that is not
            positive, both of them or neither, an unknown border.
    """
    image = np.asarray(image)
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"bicubic takes stored images, uint8 or uint16, not {image.dtype}; "
            "resize() takes floats."
        )
    if image.ndim < 2 or not image.size:
        raise ValueError(
            f"bicubic takes images [..., H, W, C] or [H, W], not {list(image.shape)}."
        )
    if image.ndim == 2:
        return bicubic(image[..., None], scale, size=size, border=border)[..., 0]
    for axis, new, each in _passes(image.shape[-3:-1], scale, size):
        index, weights = _taps(image.shape[axis], new, each, border)
        image = _resample(image, axis, index, weights)
    return image


def resize(
    images: Array,
    scale: Scale | None = None,
    *,
    size: Size | None = None,
    border: str = "clamp",
    peak: float = 1.0,
    rounded: bool = False,
) -> Array:
    """The same on the device, in float32, as a part of compiled steps.

    Args:
        images: [..., H, W, C] of any type, in [0, peak].
        scale, size, border: as those of bicubic.
        peak: white; 255 for pixels as stored.
        rounded: whether the images, and what each pass makes of them, go to the nearest
            of the 256 values of 8 bits, as those of files do. Without, bright and dark
            edges may leave [0, peak], and gradients pass.

    Returns:
        float32 [..., H', W', C] in [0, peak].

    Raises:
        ValueError: as bicubic does.
    """
    x = images.astype(jnp.float32)
    if rounded:
        x = _levels(x * (255 / peak))
    for axis, new, each in _passes(images.shape[-3:-1], scale, size):
        weights = bicubic_weights(images.shape[axis], new, each, border)
        pattern = "uh,...hwc->...uwc" if axis == -3 else "vw,...hwc->...hvc"
        matrix = jnp.asarray(weights, jnp.float32)
        x = jnp.einsum(pattern, matrix, x, precision=lax.Precision.HIGHEST)
        if rounded:
            x = _levels(x)
    return x * (peak / 255) if rounded else x


def bicubic_weights(
    size_in: int, size_out: int, scale: Scale, border: str = "clamp"
) -> np.ndarray:
    """What each new pixel takes of each old one, along one axis.

    Args:
        size_in, size_out: pixels before and after.
        scale: new pixels per old one; not always size_out / size_in, which is rounded.
        border: 'clamp' or 'mirror'.

    Returns:
        float64 [size_out, size_in]; rows sum to 1.

    Raises:
        ValueError: an unknown border.
    """
    index, weights = _taps(size_in, size_out, scale, border)
    matrix = np.zeros((size_out, size_in))
    np.add.at(matrix, (np.arange(size_out)[:, None], index), weights)
    return matrix


def scaled_size(size: tuple[int, ...], scale: Scale) -> Size:
    """Height and width of an image after scaling: rounded up, as MATLAB does.

    Raises:
        ValueError: the scale is not a positive number.
    """
    exact = _exact(scale)
    return math.ceil(size[0] * exact), math.ceil(size[1] * exact)


def _exact(scale: Scale) -> Fraction:
    """The simple fraction that a float stands for, so that 25 * 0.2 is 5 pixels."""
    if not 0 < scale < math.inf:
        raise ValueError(f"scale is {scale}; expected a number above 0, such as 1/4.")
    exact = Fraction(scale)
    simple = exact.limit_denominator(1000)
    return simple if float(simple) == float(scale) else exact


def _passes(
    old: tuple[int, ...], scale: Scale | None, size: Size | None
) -> list[tuple[int, int, Fraction]]:
    """Axis, new size and scale of each pass, in their order."""
    if (scale is None) == (size is None):
        raise ValueError("bicubic needs either a scale, such as 1/4, or size=(h, w).")
    if size is None:
        assert scale is not None
        new, scales = scaled_size(old, scale), [_exact(scale)] * 2
    else:
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size is {size}; expected height and width, from 1.")
        new = size
        scales = [Fraction(n, o) for n, o in zip(new, old, strict=True)]
    passes = list(zip((-3, -2), new, scales, strict=True))
    return sorted(passes, key=lambda each: each[2])


def _taps(
    old: int, new: int, scale: Scale, border: str
) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that each new one is a sum of, and their weights, [new, taps]."""
    if border not in BORDERS:
        raise ValueError(f"border is '{border}'; expected {' or '.join(BORDERS)}.")
    scale = float(scale)
    shrink = min(scale, 1.0)
    center = (np.arange(new) + 0.5) / scale - 0.5
    first = np.floor(center - SUPPORT / shrink).astype(int)
    index = first[:, None] + np.arange(math.ceil(2 * SUPPORT / shrink) + 2)
    weights = keys_cubic(shrink * (center[:, None] - index))
    weights /= weights.sum(1, keepdims=True)
    used = weights.any(0)
    return BORDERS[border](index[:, used], old), weights[:, used]


def _resample(
    image: np.ndarray, axis: int, index: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Sums along one axis, tap by tap: what is added in which order is no accident."""
    shape = list(image.shape)
    shape[axis] = len(index)
    total = np.full(shape, 0.5)
    for i in range(index.shape[1]):
        weight = weights[:, i].reshape(-1, *(1,) * (-axis - 1))
        total += weight * np.take(image, index[:, i], axis)
    np.floor(total, out=total)
    return total.clip(0, np.iinfo(image.dtype).max, out=total).astype(image.dtype)


def _levels(x: Array) -> Array:
    return jnp.clip(jnp.floor(x + 0.5), 0, 255)
