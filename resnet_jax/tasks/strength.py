"""How often a discriminator sees augmented images."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from resnet_jax.augment import AdaptiveStrength
from resnet_jax.optim import Schedule


@dataclasses.dataclass(frozen=True)
class Strength:
    """The probability p of an augmentation, in [0, 1]: given, or adapted.

    Attributes:
        schedule: images seen -> p.
        adaptive: finds p, in place of a schedule.
    """

    schedule: Schedule | None = None
    adaptive: AdaptiveStrength | None = None

    def __call__(self, memory: Mapping[str, Any], seen: Array) -> Array:
        """p, by the state's memory, after `seen` images."""
        if self.adaptive:
            return memory["augment"]["strength"]
        return jnp.float32(1.0 if self.schedule is None else self.schedule(seen))

    def memory(self) -> dict[str, Any]:
        """What is kept between steps, before the first."""
        return {"augment": self.adaptive.start()} if self.adaptive else {}

    def after(
        self, memory: Mapping[str, Any], sign_mean: Array, updates: Array, size: int
    ) -> dict[str, Any]:
        """The memory after an update of the discriminator.

        Args:
            memory: before it.
            sign_mean: of the logits of its real images.
            updates: of the discriminator before it.
            size: real images that it took, on all devices.
        """
        if not self.adaptive:
            return dict(memory)
        new = self.adaptive.follow(memory["augment"], sign_mean, updates, size)
        return {**memory, "augment": new}
