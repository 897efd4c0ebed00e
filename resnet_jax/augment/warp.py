"""Images under affine maps, sampled without aliasing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import Precision

# Daubechies' least asymmetric wavelet with 6 vanishing moments, low-pass (sym6).
_SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057),
    *(-0.048311742585633, 0.4910559419267466, 0.787641141030194),
    *(0.3379294217276218, -0.07263752278646252, -0.021060292512300564),
    *(0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
_TAPS = len(_SYM6)
# Of its taps the nearest to its center of mass, 5.1.
_CENTER = 5


def warp(images: Array, inverse: Array) -> Array:
    """The images under affine maps, reflected beyond their borders.

    As StyleGAN2-ADA samples (Karras et al. 2020, arXiv:2006.06676, appendix B): twice
    the resolution with the low-pass sym6, bilinear there, and back with the reversed
    filter, which for the identity gives the image again.

    A reflected image repeats every 2 (H - 1) rows, so one period serves any map, where
    a margin would depend on the map.

    Args:
        images: [B, H, W, C], float32 or float64, of at least 2 x 2 pixels.
        inverse: [B, 3, 3] or [B, 2, 3], from homogeneous output to input coordinates
            (x, y) in pixels, from the center of the image.
    """
    height, width = images.shape[1:3]
    apply = functools.partial(jnp.einsum, precision=Precision.HIGHEST)
    up, left_up = (_upsampling(n).astype(images.dtype) for n in (height, width))
    fine = apply("nh,mw,bhwc->bnmc", up, left_up, images)
    fine = _sample(fine, *_places(height, width, inverse))
    down, left_down = (_downsampling(n).astype(images.dtype) for n in (height, width))
    return apply("hn,wm,bnmc->bhwc", down, left_down, fine)


def _places(height: int, width: int, inverse: Array) -> tuple[Array, Array]:
    """Where the samples of the finer output lie in the finer input, y and x [B, n, m].

    Sample 2 k of the finer grid is at the center of pixel k.
    """

    def around_center(size):
        first, count = -_CENTER, 2 * size + _TAPS - 2
        return jnp.asarray((np.arange(first, first + count) - (size - 1)) / 2)

    y, x = around_center(height)[:, None], around_center(width)[None, :]
    m = inverse[:, :, :, None, None]
    found_x = m[:, 0, 0] * x + m[:, 0, 1] * y + m[:, 0, 2]
    found_y = m[:, 1, 0] * x + m[:, 1, 1] * y + m[:, 1, 2]
    return 2 * found_y + height - 1, 2 * found_x + width - 1


def _sample(images: Array, y: Array, x: Array) -> Array:
    """Bilinear values of periodic images [B, H, W, C] at y and x, [B, n, m]."""
    batch, height, width, channels = images.shape
    flat = images.reshape(batch, height * width, channels)
    top, left = jnp.floor(y), jnp.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    rows = [jnp.mod(top.astype(jnp.int32) + i, height) for i in (0, 1)]
    columns = [jnp.mod(left.astype(jnp.int32) + i, width) for i in (0, 1)]

    @jax.vmap
    def take(values, places):
        return jnp.take(values, places, 0, mode="clip")  # none lies outside

    def at(i, j):
        return take(flat, rows[i] * width + columns[j])

    above = at(0, 0) * (1 - right) + at(0, 1) * right
    below = at(1, 0) * (1 - right) + at(1, 1) * right
    return above * (1 - down) + below * down


def _upsampling(size: int) -> np.ndarray:
    """From pixels to one period of the finer reflected image: [4 (size - 1), size]."""
    period = 2 * (size - 1)
    matrix = np.zeros((2 * period, size))
    for pixel in range(period):
        source = min(pixel, period - pixel)
        for tap, weight in enumerate(_SYM6):
            matrix[(2 * pixel + tap - _CENTER) % (2 * period), source] += weight
    return matrix * np.sqrt(2)


def _downsampling(size: int) -> np.ndarray:
    """From the finer samples around an image to its pixels."""
    matrix = np.zeros((size, 2 * size + _TAPS - 2))
    for pixel in range(size):
        matrix[pixel, 2 * pixel : 2 * pixel + _TAPS] = _SYM6
    return matrix / np.sqrt(2)
