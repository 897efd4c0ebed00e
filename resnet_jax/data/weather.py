"""Fog and snow over images in [0, 1], float [H, W, C], for the corruptions."""

import numpy as np

from resnet_jax.data.blur import magnified, motion


def fog(x: np.ndarray, rng, amount: float, decay: float) -> np.ndarray:
    """Clouds of a fractal are added, and the whole is scaled back to its maximum."""
    most = x.max()
    clouds = plasma(max(x.shape[:2]), rng, decay)[: x.shape[0], : x.shape[1], None]
    return (x + amount * clouds) * most / (most + amount)


def plasma(size: int, rng, decay: float) -> np.ndarray:
    """A fractal landscape in [0, 1], square, at least `size` and a power of two wide.

    Diamond-square on a torus: each round halves the spacing, sets the points between
    the known ones to the mean of their four neighbors and a random offset, and divides
    the width of the offsets by decay^2.
    """
    side = 1 << max(1, (size - 1).bit_length())
    heights = np.zeros((side, side))
    spacing, width = side, 100.0
    while spacing > 1:
        half = spacing // 2

        def offsets(count=side // spacing, width=width):
            return rng.uniform(-(width**2), width**2, (count, count))

        corners = heights[::spacing, ::spacing]
        below = np.roll(corners, -1, 0)
        right, across = np.roll(corners, -1, 1), np.roll(below, -1, 1)
        centers = (corners + below + right + across) / 4 + offsets()
        heights[half::spacing, half::spacing] = centers
        above, before = np.roll(centers, 1, 0), np.roll(centers, 1, 1)
        heights[::spacing, half::spacing] = (
            corners + right + centers + above
        ) / 4 + offsets()
        heights[half::spacing, ::spacing] = (
            corners + below + centers + before
        ) / 4 + offsets()
        spacing, width = half, width / decay
    heights -= heights.min()
    return heights / heights.max()


def snow(
    x: np.ndarray,
    rng,
    mean: float,
    std: float,
    size: float,
    threshold: float,
    radius: int,
    sigma: float,
    clear: float,
) -> np.ndarray:
    """Flakes: magnified noise above a threshold, smeared as if falling; whiter air.

    Args:
        x: the image.
        rng: a NumPy generator.
        mean, std: of the noise.
        size: its magnification.
        threshold: below it there is no flake.
        radius, sigma: of the smear, in pixels.
        clear: the share of the image that keeps its color.
    """
    flakes = magnified(rng.normal(mean, std, (*x.shape[:2], 1)), size)
    flakes = np.clip(np.where(flakes < threshold, 0, flakes), 0, 1)
    flakes = motion(flakes, radius, sigma, rng.uniform(-135, -45))
    luma = x if x.shape[-1] == 1 else (x @ [0.299, 0.587, 0.114])[..., None]
    white = np.maximum(x, luma * 1.5 + 0.5)
    other = np.rot90(flakes, 2)
    return clear * x + (1 - clear) * white + flakes + other
