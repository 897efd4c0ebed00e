"""Which devices a run uses, and the steps that go to them together."""

import itertools
from collections.abc import Iterator

import numpy as np
from jax.sharding import Mesh

from resnet_jax.parallel import make_mesh
from resnet_jax.plan import Plan
from resnet_jax.tasks.base import Batch


def mesh_of(plan: Plan) -> Mesh:
    """The devices that share the plan's batches, and its weights under 'fsdp'."""
    return make_mesh(plan.batch_size, plan.options.parallel, plan.options.fsdp)


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
