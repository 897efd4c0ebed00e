"""Steps that go to the devices together."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from resnet_jax.plan import Plan

Batch = Mapping[str, Any]


def dispatches(
    batches: Iterator[Batch], plan: Plan, step: int
) -> Iterator[list[Batch]]:
    """The batches of one dispatch after another; the images of each have one size."""
    while taken := list(itertools.islice(batches, plan.ahead(step))):
        for _, group in itertools.groupby(taken, key=sizes):
            yield list(group)
        step += len(taken)


def images_of(batch: Batch) -> list[np.ndarray]:
    """Its arrays [B, H, W, C]."""
    return [x for x in batch.values() if x.ndim == 4]


def sizes(batch: Batch) -> tuple[tuple[int, ...], ...]:
    """The shapes of its images."""
    return tuple(x.shape for x in images_of(batch))
