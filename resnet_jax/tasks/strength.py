"""How often a discriminator sees augmented images."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from resnet_jax.optim import Schedule


@dataclasses.dataclass(frozen=True)
class Strength:
    """The probability p of an augmentation: given, or adapted to overfitting.

    Karras et al. 2020, arXiv:2006.06676, section 3.1 and appendix B: where the mean
    sign of the logits of real images is above the target, the discriminator knows its
    training set by heart, and p grows; otherwise it falls.

    Attributes:
        schedule: images seen -> p, where p is given.
        target: of the mean sign, where p adapts; None: it does not.
        every: updates of the discriminator between changes of p.
        images: over which p could go from 0 to 1.
    """

    schedule: Schedule | None = None
    target: float | None = None
    every: int = 4
    images: int = 500_000

    def __call__(self, memory: Mapping[str, Any], seen: Array) -> Array:
        """p, by the state's memory, after `seen` images."""
        if self.target is not None:
            return memory["augment"]["p"]
        return jnp.float32(1.0 if self.schedule is None else self.schedule(seen))

    def memory(self) -> dict[str, Any]:
        """What is kept between steps, before the first."""
        if self.target is None:
            return {}
        kinds = {"p": jnp.float32, "signs": jnp.float32, "updates": jnp.int32}
        return {"augment": {name: jnp.zeros((), kind) for name, kind in kinds.items()}}

    def after(self, memory: Mapping[str, Any], sign: Array, size: int) -> dict:
        """The memory after an update.

        Args:
            memory: before it.
            sign: mean sign of the logits of its real images, in [-1, 1].
            size: how many these were, on all devices.
        """
        if self.target is None:
            return dict(memory)
        old = memory["augment"]
        signs, updates = old["signs"] + sign, old["updates"] + 1
        due = updates % self.every == 0
        change = jnp.sign(signs / self.every - self.target)
        step = self.every * size / self.images
        p = jnp.where(due, jnp.clip(old["p"] + change * step, 0.0, 1.0), old["p"])
        signs = jnp.where(due, 0.0, signs).astype(old["signs"].dtype)
        new = {"p": p.astype(old["p"].dtype), "signs": signs, "updates": updates}
        return {**memory, "augment": new}
