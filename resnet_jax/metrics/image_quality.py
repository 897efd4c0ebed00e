"""How close images are to the images that they should be: PSNR and SSIM.

What a number is worth depends on its protocol: the same results of RCAN on Set5 have
32.63 dB on Y without a border of 4 pixels, 32.53 with it, and 30.70 in RGB. All take
stored values, [0, 255]: a network's output goes through stored_levels first. The value
of a set is the mean over its images.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from resnet_jax.lookup import suggest

PEAK = 255.0
# Of the window of SSIM, and its constants K1 and K2.
WIDTH, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03


def stored_levels(images: Array) -> Array:
    """Images [0, 1] as a file would hold them: the values 0, 1 ... 255, float32.

    Args:
        images: float [...]; what is outside is clipped, NaN becomes black.
    """
    levels = jnp.round(images.astype(jnp.float32) * PEAK)
    return jnp.clip(jnp.nan_to_num(levels), 0, PEAK)


def luma(rgb: Array) -> Array:
    """Y of YCbCr as MATLAB's rgb2ycbcr has it, in [16, 235], not rounded.

    ITU-R BT.601: (65.481 R + 128.553 G + 24.966 B) / 255 + 16.

    Args:
        rgb: [..., 3] of any type, in [0, 255].

    Returns:
        float32 [..., 1].
    """
    red, green, blue = (rgb[..., i : i + 1].astype(jnp.float32) for i in range(3))
    return (65.481 * red + 128.553 * green + 24.966 * blue) / 255 + 16


def psnr(a: Array, b: Array, *, crop: int = 0, peak: float = PEAK) -> Array:
    """10 log10(peak^2 / mean squared difference), in dB, over all pixels and channels.

    Equal images have no noise, and inf dB, as in BasicSR, where one of them makes the
    mean of a set inf. Here metrics.means leaves such a value out: PSNR over a set is
    over those that differ, and an evaluation says how many do not.

    Args:
        a, b: [B, H, W, C] of any type, in [0, peak].
        crop: pixels along each border that do not count.
        peak: white.

    Returns:
        float32 [B].

    Raises:
        ValueError: shapes differ, or nothing is left of the images.
    """
    a, b = _inside(a, b, crop, 1)
    # By rows first: one long sum of float32 would cost digits.
    error = jnp.square(a - b).mean((2, 3)).mean(1)
    return 10 * jnp.log10(peak**2 / error)


def ssim(a: Array, b: Array, *, crop: int = 0, peak: float = PEAK) -> Array:
    """Structural similarity, 1 for equal images.

    Wang et al. 2004, "Image quality assessment", equation 13, with its settings: a
    Gaussian window of 11 x 11 pixels and sigma 1.5, wherever it fits into the image;
    the mean over places, and of channels that are judged one by one.

    Args:
        a, b, crop, peak: as those of psnr.

    Returns:
        float32 [B].

    Raises:
        ValueError: shapes differ, or less than 11 x 11 pixels are left.
    """
    a, b = _inside(a, b, crop, WIDTH)
    # About their middle, so that squares keep their small digits.
    middle = peak / 2
    a, b = a - middle, b - middle
    filtered = _window(jnp.concatenate([a, b, a * a, b * b, a * b]))
    mean_a, mean_b, square_a, square_b, product = jnp.split(filtered, 5)
    var_a, var_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    mean_a, mean_b = mean_a + middle, mean_b + middle
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    light = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    return (light * structure).mean((2, 3)).mean(1)


def image_quality(
    a: Array,
    b: Array,
    *,
    protocol: str = "y",
    crop: int = 0,
    grey: Array | None = None,
) -> dict[str, Array]:
    """PSNR and SSIM by a protocol.

    Args:
        a: [B, H, W, C] of any type, in [0, 255].
        b: what it should be, likewise.
        protocol: a name in PROTOCOLS.
        crop: pixels along each border that do not count; as a rule the scale.
        grey: bool [B], which images of three channels their files store in one. 'y'
            compares those as they are, as programs in MATLAB do; on Y, of 219 levels,
            they would be 1.3 dB closer (BasicSR: of Set14 that is one image in 14,
            0.09 dB of the mean).

    Returns:
        psnr, ssim: float32 [B].

    Raises:
        ValueError: as psnr and ssim, or the protocol is unknown, or not for so many
            channels.
    """
    if protocol not in PROTOCOLS:
        known = suggest(protocol, PROTOCOLS)
        raise ValueError(f"unknown protocol '{protocol}'. {known}")
    see = PROTOCOLS[protocol]
    a, b = see(a, grey), see(b, grey)
    return {"psnr": psnr(a, b, crop=crop), "ssim": ssim(a, b, crop=crop)}


def _y(images: Array, grey: Array | None) -> Array:
    _check_channels(images, "y", (1, 3))
    if images.shape[-1] == 1:
        return images
    y = luma(images)
    if grey is None:
        return y
    return jnp.where(grey[:, None, None, None], (y - 16) * (255 / 219), y)


def _rgb(images: Array, grey: Array | None) -> Array:
    _check_channels(images, "rgb", (1, 3))
    return images


def _grey(images: Array, grey: Array | None) -> Array:
    _check_channels(images, "grey", (1,))
    return images


# What is compared; images of one channel are by all of them compared as they are.
PROTOCOLS: dict[str, Callable[[Array, Array | None], Array]] = {
    "y": _y,
    "rgb": _rgb,
    "grey": _grey,
}


def _check_channels(images: Array, protocol: str, wanted: tuple[int, ...]) -> None:
    if images.shape[-1] not in wanted:
        raise ValueError(
            f"protocol '{protocol}' is for images of {' or '.join(map(str, wanted))} "
            f"channels, not of {images.shape[-1]}; choose one of "
            f"{', '.join(PROTOCOLS)}, or images without alpha."
        )


def _inside(a: Array, b: Array, crop: int, smallest: int) -> tuple[Array, Array]:
    if a.shape != b.shape:
        raise ValueError(
            f"images of one shape are compared, not {list(a.shape)} and "
            f"{list(b.shape)}; crop or resize one of them."
        )
    height, width = (side - 2 * crop for side in a.shape[1:3])
    if min(height, width) < smallest:
        raise ValueError(
            f"{height} x {width} pixels are left of {a.shape[1]} x {a.shape[2]} within "
            f"a border of {crop}; at least {smallest} x {smallest} are needed."
        )
    rows, columns = slice(crop, crop + height), slice(crop, crop + width)
    a, b = a[:, rows, columns], b[:, rows, columns]
    return a.astype(jnp.float32), b.astype(jnp.float32)


def _window(x: Array) -> Array:
    """The Gaussian mean about each place where the window fits, [N, H - 10, W - 10, C].

    As sums of shifted images: on CPUs ten times as fast as a convolution.
    """
    weights = np.exp(-0.5 * ((np.arange(WIDTH) - WIDTH // 2) / SIGMA) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        size = x.shape[axis] - WIDTH + 1
        shifted = (lax.slice_in_dim(x, i, i + size, axis=axis) for i in range(WIDTH))
        x = sum((w * s for w, s in zip(weights, shifted, strict=True)), jnp.float32(0))
    return x
