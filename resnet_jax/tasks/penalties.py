"""What is added to the losses of a generator and a discriminator."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.losses.penalty import (
    consistency_penalty,
    dragan_penalty,
    gradient_penalty,
    lecam_follow,
    lecam_penalty,
    lecam_start,
    orthogonal_penalty,
    r1_penalty,
    r1_r2_penalty,
)
from resnet_jax.optim import Schedule
from resnet_jax.parallel import axis_size, rows

# Those that take a gradient by the image, which no other image may influence.
GRADIENT = ("r1", "r2", "gradient_penalty", "dragan")


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What a discriminator says of a batch, for the penalties.

    Attributes:
        real, fake: the images, [B, H, W, C].
        real_logits, fake_logits: of the images as it saw them, on all devices.
        score_real, score_fake: images -> logits [B], through the augmentation that the
            real and the fake images got.
        score_pair: interleaved real and fake images [2 B, ...] -> logits [2 B].
        params: the discriminator's.
    """

    real: Array
    fake: Array
    real_logits: Array
    fake_logits: Array
    score_real: Callable[[Array], Array]
    score_fake: Callable[[Array], Array]
    score_pair: Callable[[Array], Array]
    params: Any


@dataclasses.dataclass(frozen=True)
class Penalties:
    """A config's `penalties` section: a weight each, None for none.

    A weight is a function of the images seen.

    Attributes:
        r1, r2: gamma / 2 of the squared gradient is r1_penalty times gamma.
        gradient_penalty: WGAN-GP's.
        dragan: of images with noise.
        consistency: of real images and the same changed by `change`.
        balanced: of fake ones, too: bCR.
        lecam: pulls logits to each other's averages.
        orthogonal: of the kernels of both networks.
        change: what consistency changes, as (images, key, strength, axis_name).
    """

    r1: Schedule | None = None
    r2: Schedule | None = None
    gradient_penalty: Schedule | None = None
    dragan: Schedule | None = None
    consistency: Schedule | None = None
    balanced: Schedule | None = None
    lecam: Schedule | None = None
    orthogonal: Schedule | None = None
    change: Any = None

    def weights(self, seen: Array) -> dict[str, Array]:
        """The weights after `seen` images, of those that are in use."""
        return {name: getattr(self, name)(seen) for name in self.used()}

    def used(self) -> tuple[str, ...]:
        """The names of the penalties that have a weight."""
        names = [field.name for field in dataclasses.fields(self)]
        return tuple(n for n in names if n != "change" and getattr(self, n))

    def memory(self) -> dict[str, Any]:
        """What is kept between steps, before the first."""
        return {"lecam": lecam_start()} if self.lecam else {}

    def noise(self, key: Array, real: Array, axis_name: str | None) -> dict[str, Array]:
        """Random numbers of an update, drawn for the batch of all devices."""
        count = real.shape[0] * axis_size(axis_name)
        mix_key, noise_key = jax.random.split(key)
        drawn = {}
        if self.gradient_penalty:
            drawn["mix"] = rows(jax.random.uniform(mix_key, (count,)), axis_name)
        if self.dragan:
            shape = (count, *real.shape[1:])
            drawn["noise"] = rows(jax.random.uniform(noise_key, shape), axis_name)
        return drawn

    def measure(
        self,
        judged: Judgement,
        batch: Mapping[str, Array],
        key: Array,
        memory: Mapping[str, Any],
        axis_name: str | None,
    ) -> Iterator[tuple[str, Array]]:
        """Each penalty of the discriminator by name, not yet weighted.

        Args:
            judged: what it says.
            batch: with what `noise` gave.
            key: of what consistency changes.
            memory: of the state.
            axis_name: the device axis under pmap.
        """
        real, fake, score = judged.real, judged.fake, judged.score_real
        if self.r1 and self.r2:
            r1, r2 = r1_r2_penalty(judged.score_pair, real, fake)
            yield "r1", r1
            yield "r2", r2
        elif self.r1:
            yield "r1", r1_penalty(score, real)
        elif self.r2:
            yield "r2", r1_penalty(judged.score_fake, fake)
        if self.gradient_penalty:
            value = gradient_penalty(score, real, fake, batch["mix"])
            yield "gradient_penalty", value
        if self.dragan:
            noise = 0.5 * deviation(real, axis_name) * batch["noise"]
            yield "dragan", dragan_penalty(score, real, noise)
        real_key, fake_key = jax.random.split(key)
        if self.consistency:
            changed = score(self.change(real, real_key, 1.0, axis_name))
            yield "consistency", consistency_penalty(judged.real_logits, changed)
        if self.balanced:
            changed = judged.score_fake(self.change(fake, fake_key, 1.0, axis_name))
            yield "balanced", consistency_penalty(judged.fake_logits, changed)
        if self.lecam:
            logits = judged.real_logits, judged.fake_logits
            means = lecam_follow(memory["lecam"], *logits)
            yield "lecam", lecam_penalty(*logits, means)
        if self.orthogonal:
            yield "orthogonal", orthogonal_penalty(judged.params)

    def after(
        self, memory: Mapping[str, Any], scalars: Mapping[str, Array]
    ) -> dict[str, Any]:
        """The memory after an update whose mean logits are among the scalars."""
        if not self.lecam:
            return dict(memory)
        means = memory["lecam"]
        new = lecam_follow(means, scalars["real_logits"], scalars["fake_logits"])
        return {**memory, "lecam": new}


def deviation(x: Array, axis_name: str | None) -> Array:
    """The standard deviation of all values of the batch of all devices."""
    moments = jnp.stack([x.mean(), jnp.square(x).mean()])
    if axis_name is not None:
        moments = jax.lax.pmean(moments, axis_name)
    return jnp.sqrt(jnp.maximum(moments[1] - jnp.square(moments[0]), 0))
