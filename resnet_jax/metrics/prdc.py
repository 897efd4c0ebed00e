"""Precision, recall, density and coverage: whether samples are real, and all kinds."""

from collections.abc import Iterator

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.sample import MOST, sampled

NEIGHBORS = 5
SUMMARY = ("precision", "recall", "density", "coverage")
# Distances are computed for so many features at a time.
BLOCK = 1024


def prdc(real: np.ndarray, fake: np.ndarray, k: int = NEIGHBORS) -> dict[str, float]:
    """The four shares of Naeem et al. 2020, arXiv:2002.09797, equations 3 to 6.

    Around every feature lies a ball that reaches to its k-th nearest neighbor of the
    same side; inside is what is nearer than that.

        precision: share of the fake features inside any real ball.
        recall: share of the real features inside any fake ball.
        density: real balls around a fake feature, in the mean, over k; can exceed 1.
        coverage: share of the real balls with any fake feature inside.

    Precision and recall are those of Kynkäänniemi et al. 2019, arXiv:1904.06991, who
    take k = 3, the features of a VGG, and count the edge of the ball.

    Args:
        real: [N, D], at least float32, which is what distances are computed in.
        fake: [M, D].
        k: neighbors.

    Raises:
        ValueError: a side has no more than k features.
    """
    if min(len(real), len(fake)) <= k:
        raise ValueError(
            f"k = {k} neighbors need more than {k} features of each side, not "
            f"{len(real)} and {len(fake)}."
        )
    # Distances do not change, and less is lost where large squares cancel.
    middle = real.mean(0, dtype=np.float64)
    dtype = np.promote_types(real.dtype, np.float32)
    real, fake = ((side - middle).astype(dtype) for side in (real, fake))
    real_reach, fake_reach = _reach(real, k), _reach(fake, k)
    balls, recalled, covered = np.zeros(len(fake)), 0, 0
    for rows, distances in _distances(real, fake):
        inside = distances < real_reach[rows, None]
        balls += inside.sum(0)
        covered += inside.any(1).sum()
        recalled += (distances < fake_reach).any(1).sum()
    shares = (balls > 0).mean(), recalled / len(real), balls.mean() / k
    values = map(float, (*shares, covered / len(real)))
    return dict(zip(SUMMARY, values, strict=True))


def _reach(x: np.ndarray, k: int) -> np.ndarray:
    """Squared distances [N] to the k-th nearest neighbor; the nearest is itself."""
    found = (
        np.partition(distances, k, axis=1)[:, k] for _, distances in _distances(x, x)
    )
    return np.concatenate(list(found))


def _distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances [n, M] of all of b to a block of a, and where the block is."""
    a_squares, b_squares = np.square(a).sum(1), np.square(b).sum(1)
    for start in range(0, len(a), BLOCK):
        rows = slice(start, start + BLOCK)
        products = a[rows] @ b.T
        products *= -2
        products += a_squares[rows, None]
        products += b_squares
        yield rows, np.maximum(products, 0, out=products)


def precision_recall(k: int = NEIGHBORS, most: int = MOST) -> Accumulator:
    """Precision, recall, density and coverage of generated images, see `prdc`.

    Rows and sums: see `sampled`; `most` features of each side are kept on the host. The
    summary's values, NaN of no more than k images: SUMMARY.
    """

    def measure(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        if min(len(real), len(fake)) <= k:
            return dict.fromkeys(SUMMARY, np.nan)
        return prdc(real, fake, k)

    return sampled(measure, most)
