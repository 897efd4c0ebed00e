"""What every metric is: sums that add up over batches, on the host."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

Rows = Mapping[str, np.ndarray]


class Accumulator(NamedTuple):
    """A metric as three pure functions; sums are float64, so halves make the whole.

    Attributes:
        empty: () -> sums of no example.
        add: (sums, rows) -> sums; rows hold one entry per example [B, ...], padding
            already dropped.
        summary: sums -> {name: float}, nan where there was no example.
    """

    empty: Callable[[], Any]
    add: Callable[[Any, Rows], Any]
    summary: Callable[[Any], dict[str, float]]


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole of two sums, float64, NaN where the whole is zero."""
    nothing = np.full(np.shape(whole), np.nan)
    return np.divide(part, whole, out=nothing, where=np.asarray(whole) > 0)
