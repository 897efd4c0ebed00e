"""Resampling by two with the filter [1, 3, 3, 1], along one side after the other.

R3GAN: Huang et al. 2025, arXiv:2501.05441, section 3 ("bilinear"); padding with zeros
as in StyleGAN2 (Karras et al. 2019, arXiv:1912.04958, appendix B), or with the border's
pixels as in CUT's code (Park et al. 2020, arXiv:2007.15651). Sums of slices, which XLA
fuses, in the type of the input.
"""

import jax
import jax.numpy as jnp
from jax import lax


def upsample_fir(x: jax.Array, border: str = "constant") -> jax.Array:
    """[B, H, W, C] -> [B, 2 H, 2 W, C]; the filter sums to 2 along each side.

    Args:
        x: feature maps.
        border: what is around them, as jnp.pad calls it: 'constant' for zeros, 'edge'
            for the nearest pixels.
    """
    for axis in (1, 2):
        size, padded = x.shape[axis], _padded(x, axis, border)
        before, after = (
            lax.slice_in_dim(padded, i, i + size, axis=axis) for i in (0, 2)
        )
        pairs = jnp.stack([before + 3 * x, 3 * x + after], axis + 1) / 4
        shape = list(x.shape)
        shape[axis] *= 2
        x = pairs.reshape(shape)
    return x


def downsample_fir(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, H / 2, W / 2, C]; the filter sums to 1 along each side.

    Raises:
        ValueError: a side is odd.
    """
    if x.shape[1] % 2 or x.shape[2] % 2:
        raise ValueError(
            f"feature maps of {x.shape[1]} x {x.shape[2]} cannot be halved: take images"
            " whose sides are a multiple of two for every halving."
        )
    for axis in (1, 2):
        size, padded = x.shape[axis], _padded(x, axis)
        taps = [
            lax.slice_in_dim(padded, i, i + size - 1, 2, axis=axis) for i in range(4)
        ]
        x = (taps[0] + 3 * (taps[1] + taps[2]) + taps[3]) / 8
    return x


def _padded(x: jax.Array, axis: int, border: str = "constant") -> jax.Array:
    """One pixel before and after, by default zero."""
    margins = [(1, 1) if i == axis else (0, 0) for i in range(x.ndim)]
    return jnp.pad(x, margins, mode=border)
