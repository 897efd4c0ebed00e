"""Blurs of images in [0, 1], float [H, W, C], for the corruptions."""

import math

import numpy as np


def gaussian(x: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of each channel, sigma in pixels; the border is repeated."""
    from scipy import ndimage

    return ndimage.gaussian_filter(x, (sigma, sigma, 0), mode="nearest")


def defocus(x: np.ndarray, radius: float, edge: float) -> np.ndarray:
    """The image of a point is a disk, `radius` pixels large with an edge of sigma
    `edge`; the border is mirrored."""
    from scipy import ndimage, signal

    reach = 8 if radius <= 8 else int(radius)
    y, x_ = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (y**2 + x_**2 <= radius**2).astype(np.float64)
    offsets = np.arange(-1, 2) if radius <= 8 else np.arange(-2, 3)
    weights = np.exp(-0.5 * (offsets / edge) ** 2)
    for axis in (0, 1):
        disk = ndimage.correlate1d(disk, weights, axis, mode="mirror")
    disk /= disk.sum()
    padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    return signal.fftconvolve(padded, disk[..., None], mode="valid", axes=(0, 1))


def motion(x: np.ndarray, radius: int, sigma: float, angle: float) -> np.ndarray:
    """A smear in one direction, angle in degrees, as of ImageMagick's motion blur.

    The weights are half a Gaussian over 2 * radius + 1 pixels; the border is repeated.
    """
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    weights /= weights.sum()
    turn = math.radians(angle)
    down = np.ceil(steps * math.sin(turn) - 0.5).astype(int)
    right = np.ceil(steps * math.cos(turn) - 0.5).astype(int)
    height, width = x.shape[:2]
    result = np.zeros_like(x)
    for weight, dy, dx in zip(weights, down, right, strict=True):
        rows = np.clip(np.arange(height) + dy, 0, height - 1)
        columns = np.clip(np.arange(width) + dx, 0, width - 1)
        result += weight * x[rows][:, columns]
    return result


def zoom(x: np.ndarray, stop: float, step: float) -> np.ndarray:
    """The mean of the image and of itself magnified by 1, 1 + step, ... below stop."""
    factors = np.arange(1, stop, step)
    zoomed = sum(magnified(x, factor) for factor in factors)
    return (x + zoomed) / (len(factors) + 1)


def magnified(x: np.ndarray, factor: float) -> np.ndarray:
    """The middle of an image at `factor` times its size, [H, W, C] as before."""
    from scipy import ndimage

    size = np.array(x.shape[:2])
    inner = np.ceil(size / factor).astype(int)
    top, left = (size - inner) // 2
    part = x[top : top + inner[0], left : left + inner[1]]
    large = ndimage.zoom(part, (factor, factor, 1), order=1)
    top, left = (np.array(large.shape[:2]) - size) // 2
    return large[top : top + size[0], left : left + size[1]]
