"""Means of numbers that every example has."""

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator, Rows, share


def means(*names: str) -> Accumulator:
    """The mean of each named row [B], and `examples`, how many there were.

    A value that is not finite is not counted, and a mean of no value is NaN.
    """

    def empty() -> dict[str, np.ndarray]:
        return {"examples": np.zeros(()), **{n: np.zeros(2) for n in names}}

    def add(sums: dict, rows: Rows) -> dict:
        new = {"examples": sums["examples"] + len(rows[names[0]])}
        for name in names:
            value = np.asarray(rows[name], np.float64)
            value = value[np.isfinite(value)]
            new[name] = sums[name] + np.array([value.sum(), value.size])
        return new

    def summary(sums: dict) -> dict[str, float]:
        found = {name: float(share(*sums[name])) for name in names}
        return {**found, "examples": float(sums["examples"])}

    return Accumulator(empty, add, summary)
