"""Kernel distance of two sets of features (KID): unbiased, whatever their number."""

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.sample import MOST, sampled

SUBSETS, SUBSET_SIZE = 100, 1000


def kernel_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy, float64.

    With the polynomial kernel (x . y / D + 1)^3. Binkowski et al. 2018,
    arXiv:1801.01401, section 4. It may be negative where the sets are alike.

    Args:
        real: [N, D].
        fake: [M, D].

    Raises:
        ValueError: a side has less than two features.
    """
    if min(len(real), len(fake)) < 2:
        raise ValueError(
            f"a kernel distance takes two features or more of each side, not "
            f"{len(real)} and {len(fake)}."
        )
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    within = _mean_of_pairs(real) + _mean_of_pairs(fake)
    return float(within - 2 * _kernel(real, fake).mean())


def kernel_distances(
    real: np.ndarray,
    fake: np.ndarray,
    subsets: int = SUBSETS,
    size: int = SUBSET_SIZE,
    seed: int = 0,
) -> np.ndarray:
    """The distances [subsets] of random subsets of so many features of each side.

    Each subset is drawn without replacement, of fewer features where a side has fewer.
    The mean of all is the KID, their standard deviation says how sure it is.
    """
    rng = np.random.default_rng(seed)
    size = min(size, len(real), len(fake))

    def draw(features: np.ndarray) -> np.ndarray:
        return features[rng.choice(len(features), size, replace=False)]

    return np.array([kernel_distance(draw(real), draw(fake)) for _ in range(subsets)])


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _mean_of_pairs(x: np.ndarray) -> float:
    """The kernel's mean over pairs of different features."""
    values = _kernel(x, x)
    return (values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))


def kernel(
    subsets: int = SUBSETS, size: int = SUBSET_SIZE, seed: int = 0, most: int = MOST
) -> Accumulator:
    """The kernel distance of real and generated images, see `kernel_distances`.

    Rows and sums: see `sampled`; `most` features of each side are kept on the host, and
    the subsets drawn from these.

    The summary's values: 'kernel_distance' and 'kernel_distance_deviation' over
    subsets, NaN of less than two images.
    """

    def measure(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        if min(len(real), len(fake)) < 2:
            return dict.fromkeys(SUMMARY, np.nan)
        found = kernel_distances(real, fake, subsets, size, seed)
        return dict(zip(SUMMARY, map(float, (found.mean(), found.std())), strict=True))

    return sampled(measure, most)


SUMMARY = ("kernel_distance", "kernel_distance_deviation")
