"""Features kept on the host, for what must see many of them at once."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator, Rows

# 10,000 features of 2048 float32 are 80 MB; the papers of KID and PRDC take as many.
MOST = 10_000
SIDES = ("real", "fake")


class Sample(NamedTuple):
    """A part of the features seen so far, drawn without regard to their order.

    Feature number i has a rank that follows from i alone; those of the lowest ranks are
    kept. So it is the same sample whatever the batches were, and a fair one of a folder
    whose images are sorted by class.

    Attributes:
        seen: how many there were.
        features: arrays [n, D], up to twice as many features as are wanted.
        ranks: uint64 [n] of each of them.
        limit: features of this rank or higher are out.
    """

    seen: int = 0
    features: tuple[np.ndarray, ...] = ()
    ranks: tuple[np.ndarray, ...] = ()
    limit: int = 2**64 - 1

    def add(self, features: np.ndarray, most: int) -> "Sample":
        """With more features [n, D], of which `most` are wanted in the end."""
        ranks = _ranks(self.seen, len(features))
        kept = ranks < np.uint64(self.limit)
        grown = Sample(
            self.seen + len(features),
            (*self.features, np.asarray(features)[kept]),
            (*self.ranks, ranks[kept]),
            self.limit,
        )
        return grown.cut(most) if sum(map(len, grown.ranks)) > 2 * most else grown

    def cut(self, most: int) -> "Sample":
        """In the order of ranks, `most` features at most."""
        if not self.ranks:
            return self
        ranks = np.concatenate(self.ranks)
        order = np.argsort(ranks)
        limit = int(ranks[order[most]]) if len(order) > most else self.limit
        features = np.concatenate(self.features)[order[:most]]
        return Sample(self.seen, (features,), (ranks[order[:most]],), limit)

    def array(self, most: int) -> np.ndarray:
        """[at most `most`, D]; D is 0 where none was seen."""
        found = self.cut(most).features
        return found[0] if found else np.zeros((0, 0))


def _ranks(start: int, count: int) -> np.ndarray:
    """Of features start, start + 1 ...: splitmix64, a permutation of 64-bit numbers."""
    z = np.arange(start + 1, start + count + 1, dtype=np.uint64)
    z = z * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def sampled(
    measure: Callable[[np.ndarray, np.ndarray], dict[str, float]], most: int = MOST
) -> Accumulator:
    """Keeps a sample of the features of each side, and measures them in the end.

    Rows: 'real_features', 'fake_features' [B, D], either may be missing. Sums: a Sample
    of each of SIDES.

    Args:
        measure: real [N, D], fake [M, D] -> the summary, also where N or M is 0; D is
            then 0.
        most: features kept of each side, on the host.
    """

    def add(sums: dict[str, Sample], rows: Rows) -> dict[str, Sample]:
        return {
            side: before.add(rows[key], most) if key in rows else before
            for side, before in sums.items()
            for key in [f"{side}_features"]
        }

    def summary(sums: dict[str, Sample]) -> dict[str, float]:
        return measure(*(sums[side].array(most) for side in SIDES))

    return Accumulator(lambda: dict.fromkeys(SIDES, Sample()), add, summary)
