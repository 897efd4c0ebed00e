"""Features kept on the host, for what must see all of them at once."""

from collections.abc import Callable

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator, Rows

# 10,000 features of 2048 float32 are 80 MB; the papers of KID and PRDC take as many.
MOST = 10_000
SIDES = ("real", "fake")


def sample(
    measure: Callable[[np.ndarray, np.ndarray], dict[str, float]], most: int = MOST
) -> Accumulator:
    """Keeps the first `most` features of each side, and measures them in the end.

    Rows: 'real_features' and 'fake_features' [B, D]. Sums: a tuple of arrays [b, D] of
    'real' and of 'fake', at most `most` rows in all.

    Args:
        measure: real [N, D], fake [M, D] -> the summary, also where N or M is 0; D is
            then 0.
        most: of each side.
    """

    def add(sums: dict, rows: Rows) -> dict:
        return {
            side: (*kept, rows[f"{side}_features"][: most - sum(map(len, kept))])
            for side, kept in sums.items()
        }

    def summary(sums: dict) -> dict[str, float]:
        none = (np.zeros((0, 0)),)
        return measure(*(np.concatenate(sums[side] or none) for side in SIDES))

    return Accumulator(lambda: dict.fromkeys(SIDES, ()), add, summary)
