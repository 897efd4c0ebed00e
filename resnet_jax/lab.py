"""CIE 1976 L*a*b* of sRGB images and back: white D65, observer of 2 degrees.

Lightness L is in [0, 100], a (green to red) and b (blue to yellow) of colors that sRGB
has in about [-110, 110]. The numbers are those of scikit-image's color.rgb2lab; the
pix2pix of colors learns a / 110 and b / 110 from L / 50 - 1.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

# Linear sRGB to XYZ by rows (IEC 61966-2-1), and the XYZ of white.
XYZ_OF_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
RGB_OF_XYZ = np.linalg.inv(XYZ_OF_RGB)
# Below it, CIE's cube root is a straight line of this slope, from 16 / 116.
DARK, SLOPE, OFFSET = 0.008856, 7.787, 16 / 116


def rgb_to_lab(rgb: Array) -> Array:
    """Lab of sRGB.

    Args:
        rgb: float [..., 3] in [0, 1].

    Returns:
        [..., 3] of the same type: L, a, b.
    """
    light = jnp.maximum(rgb, 0.04045)
    linear = jnp.where(rgb > 0.04045, ((light + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = _compress(_times(linear, XYZ_OF_RGB / WHITE[:, None]))
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    return jnp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def lab_to_rgb(lab: Array) -> Array:
    """The sRGB of Lab; colors that sRGB does not have are clipped, channel by channel.

    Args:
        lab: float [..., 3], L in [0, 100].

    Returns:
        [..., 3] of the same type, in [0, 1].
    """
    y = (lab[..., 0] + 16) / 116
    x, z = y + lab[..., 1] / 500, y - lab[..., 2] / 200
    # A color may be bluer than black is dark: less than no light is none.
    xyz = _expand(jnp.stack([x, y, jnp.maximum(z, 0)], -1))
    linear = _times(xyz, RGB_OF_XYZ * WHITE)
    light = jnp.maximum(linear, 0.0031308)
    bright = 1.055 * light ** (1 / 2.4) - 0.055
    return jnp.clip(jnp.where(linear > 0.0031308, bright, 12.92 * linear), 0, 1)


def _compress(t: Array) -> Array:
    return jnp.where(t > DARK, jnp.cbrt(jnp.maximum(t, DARK)), SLOPE * t + OFFSET)


def _expand(f: Array) -> Array:
    return jnp.where(f > 0.2068966, f**3, (f - OFFSET) / SLOPE)


def _times(x: Array, matrix: np.ndarray) -> Array:
    """Each color by the matrix; exact also where devices prefer to be quick."""
    wanted = jnp.asarray(matrix.T, x.dtype)
    return jnp.matmul(x, wanted, precision=lax.Precision.HIGHEST)
