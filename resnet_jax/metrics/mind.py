"""Sliced distance of two sets of features (MIND): sorted along random directions."""

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.sample import MOST, sampled

DIRECTIONS = 1000
# Directions at a time: projections of 10,000 features are then 8 MB.
BLOCK = 100


def mind(
    real: np.ndarray, fake: np.ndarray, directions: int = DIRECTIONS, seed: int = 0
) -> float:
    """Squared differences of sorted projections on random unit directions, float64.

    3 D / (N M) * sum over M directions u of |sort(real u) - sort(fake u)|^2,
    as in metric_mind.py of torch-fidelity: the square of a sliced Wasserstein distance,
    in a scale that does not depend on D. No inverse, no eigenvalue, no neighbor.

    Args:
        real, fake: [N, D], as many of each.
        directions: M.
        seed: of the directions.

    Raises:
        ValueError: the sides differ in number or size, or are empty.
    """
    if real.shape != fake.shape or not real.size:
        raise ValueError(
            f"MIND takes as many features of each side, not {list(real.shape)} and "
            f"{list(fake.shape)}."
        )
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    count, size = real.shape
    units = np.random.default_rng(seed).normal(size=(directions, size))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    total = 0.0
    for start in range(0, directions, BLOCK):
        along = units[start : start + BLOCK].T
        a, b = (np.sort(side @ along, axis=0) for side in (real, fake))
        total += np.square(a - b).sum()
    return float(3 * size * total / (count * directions))


def sliced(
    directions: int = DIRECTIONS, seed: int = 0, most: int = MOST
) -> Accumulator:
    """MIND of real and generated images, see `mind`.

    Rows and sums: see `sampled`; `most` features of each side are kept on the host, and
    as many of each compared. The summary: 'mind', NaN of no image.
    """

    def measure(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        count = min(len(real), len(fake))
        if not count:
            return {"mind": np.nan}
        return {"mind": mind(real[:count], fake[:count], directions, seed)}

    return sampled(measure, most)
