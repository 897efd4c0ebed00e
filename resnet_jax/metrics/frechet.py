"""Fréchet distance of two sets of features, from moments that are added up."""

from typing import NamedTuple

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator, Rows


class Moments(NamedTuple):
    """Sums over N features, float64: their memory does not grow with N.

    Attributes:
        examples: N.
        total: [D], the sum of the features.
        outer: [D, D], the sum of their outer products.
    """

    examples: int
    total: np.ndarray
    outer: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """[D]."""
        return self.total / self.examples

    @property
    def covariance(self) -> np.ndarray:
        """[D, D], of the sample: divided by N - 1, as in the reference tools."""
        mean = self.mean
        return (self.outer - self.examples * np.outer(mean, mean)) / (self.examples - 1)


# Sums of no feature, whatever its size.
NOTHING = Moments(0, np.zeros(()), np.zeros(()))


def moments(features: np.ndarray, before: Moments = NOTHING) -> Moments:
    """The moments of features [N, D], and of those that `before` was made of."""
    features = np.asarray(features, np.float64)
    return Moments(
        before.examples + len(features),
        before.total + features.sum(0),
        before.outer + features.T @ features,
    )


def frechet_distance(a: Moments, b: Moments) -> float:
    """The squared Fréchet distance of the normal distributions with these moments.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)). Heusel et al. 2017,
    arXiv:1706.08500, equation 6. It is the FID only for features of the Inception-2015
    network. It falls as N grows: compare numbers of the same N only.

    The last trace is the sum of the roots of the eigenvalues of S_a S_b. They are
    found as the singular values of F_a^T F_b where S = F F^T, which are never negative
    or complex, so that covariances without full rank do no harm.

    Returns:
        The distance, at least 0; NaN if a side has less than two features, or one that
        is not finite.

    Raises:
        ValueError: the features have different sizes.
    """
    if min(a.examples, b.examples) < 2:
        return np.nan
    if a.total.shape != b.total.shape:
        raise ValueError(
            f"a Fréchet distance takes features of one size, not of "
            f"{a.total.size} and {b.total.size}; use the same network for both."
        )
    first, second = a.covariance, b.covariance
    if not np.isfinite([first.sum(), second.sum()]).all():
        return np.nan
    cross = np.linalg.svd(_factor(first).T @ _factor(second), compute_uv=False)
    means = np.square(a.mean - b.mean).sum()
    distance = means + np.trace(first) + np.trace(second) - 2 * cross.sum()
    return float(max(distance, 0.0))


def _factor(covariance: np.ndarray) -> np.ndarray:
    """F [D, rank] with F F^T = covariance."""
    try:
        return np.linalg.cholesky(covariance)  # ten times faster
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def frechet() -> Accumulator:
    """The Fréchet distance of real and generated images, in any network's features.

    Rows: 'real_features', 'fake_features' [B, D], either may be missing. Sums: Moments
    'real' and 'fake'. The summary: 'frechet_distance', NaN of less than two images.
    """

    def add(sums: dict[str, Moments], rows: Rows) -> dict[str, Moments]:
        return {
            side: moments(rows[key], before) if key in rows else before
            for side, before in sums.items()
            for key in [f"{side}_features"]
        }

    def summary(sums: dict[str, Moments]) -> dict[str, float]:
        return {"frechet_distance": frechet_distance(sums["real"], sums["fake"])}

    return Accumulator(lambda: {"real": NOTHING, "fake": NOTHING}, add, summary)
