"""The game of a generator and a discriminator: what each of them minimizes."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.losses.adversarial import AdversarialLoss
from resnet_jax.losses.penalty import interleave, orthogonal_penalty
from resnet_jax.parallel import axis_size, rows, whole
from resnet_jax.state import NetState
from resnet_jax.tasks.base import Batch
from resnet_jax.tasks.penalties import Judgement, Penalties

Stats = Any


@dataclasses.dataclass(frozen=True)
class Game:
    """Two networks and their losses; everything here is pure.

    Attributes:
        generator: (latents [B, Z], labels [B] or None) -> images [B, H, W, C], [-1, 1].
        discriminator: (images, labels or None) -> logits [B].
        loss: of both.
        penalties: added to them.
        augment: what the discriminator sees of an image, real or fake; None: itself.
        axis_name: the device axis under pmap.
    """

    generator: nn.Module
    discriminator: nn.Module
    loss: AdversarialLoss
    penalties: Penalties = dataclasses.field(default_factory=Penalties)
    augment: Any = None
    axis_name: str | None = None

    @property
    def conditional(self) -> bool:
        """Whether images are made of a class."""
        return self.generator.num_classes > 0

    def discriminator_loss(
        self,
        params: Any,
        stats: Stats,
        batch: Batch,
        key: Array,
        *,
        strength: Array,
        weights: Mapping[str, Array],
        memory: Mapping[str, Any],
    ) -> tuple[Array, tuple[Stats, dict[str, Array]]]:
        """The loss with its penalties, new statistics, and what is to be logged.

        Args:
            params, stats: of the discriminator.
            batch: image (real) and fake [B, H, W, C], label [B] or none, noise.
            key: of the augmentation.
            strength: of it.
            weights: of the penalties.
            memory: of the state.
        """
        real_key, fake_key, change_key = jax.random.split(key, 3)
        real, fake, label = batch["image"], batch["fake"], batch.get("label")

        def judge(real, fake):
            real = self.view(real, real_key, strength)
            fake = self.view(fake, fake_key, strength)
            return self.judge(params, stats, real, fake, label, list(stats))

        # Of the networks as they are after the judgement: for penalties on gradients.
        def score(key, images):
            seen = self.view(images, key, strength)
            return self.apply(params, new_stats, seen, label, all_but_spectral(stats))[
                0
            ]

        def score_pair(images):
            pair = images.reshape(-1, 2, *images.shape[1:])
            return interleave(*judge(pair[:, 0], pair[:, 1])[:2])

        real_logits, fake_logits, new_stats = judge(real, fake)
        logits = whole(real_logits, self.axis_name), whole(fake_logits, self.axis_name)
        scores = partial(score, real_key), partial(score, fake_key), score_pair
        judged = Judgement(real, fake, *logits, *scores, params)
        measured = dict(
            self.penalties.measure(judged, batch, change_key, memory, self.axis_name)
        )
        loss = self.loss.discriminator(*logits)
        loss += sum(weights[name] * value for name, value in measured.items())
        logged = {"real_logits": logits[0].mean(), "fake_logits": logits[1].mean()}
        # What an adaptive augmentation goes by (tasks/strength.py).
        logged["sign"] = jnp.sign(logits[0]).mean()
        return loss, (new_stats, {**logged, **measured})

    def generator_loss(
        self,
        params: Any,
        stats: Stats,
        batch: Batch,
        key: Array,
        *,
        discriminator: NetState,
        strength: Array,
        weights: Mapping[str, Array],
    ) -> tuple[Array, tuple[Stats, dict[str, Array]]]:
        """The loss, with new statistics.

        Args:
            params, stats: of the generator.
            batch: latents [B, Z], label [B] or none, image of a relativistic loss.
            key: of the augmentation.
            discriminator: held still.
            strength: of the augmentation.
            weights: of the penalties.
        """
        real_key, fake_key = jax.random.split(key)
        fake, new_stats = self.generate(
            params, stats, batch["latents"], batch, list(stats)
        )
        label, critic = batch.get("label"), (discriminator.params, discriminator.stats)
        fake = self.view(fake, fake_key, strength)
        mutable = all_but_spectral(discriminator.stats)
        real_logits: Any = None
        if self.loss.relativistic:
            real = self.view(batch["image"], real_key, strength)
            both = self.judge(*critic, real, fake, label, mutable)[:2]
            real_logits, fake_logits = (whole(x, self.axis_name) for x in both)
        else:
            fake_logits = self.apply(*critic, fake, label, mutable)[0]
            fake_logits = whole(fake_logits, self.axis_name)
        loss = self.loss.generator(real_logits, fake_logits)
        if "orthogonal" in weights:
            loss += weights["orthogonal"] * orthogonal_penalty(params)
        return loss, (new_stats, {})

    def judge(
        self, params, stats: Stats, real: Array, fake: Array, label, mutable: list[str]
    ) -> tuple[Array, Array, Stats]:
        """Logits [B] of real and of fake images, and the statistics afterwards.

        Side by side in one pass, or one after the other where the discriminator mixes
        examples, so that neither sees the other's statistics.
        """
        if self.discriminator.mixes_examples:
            real_logits, stats = self.apply(params, stats, real, label, mutable)
            fake_logits, stats = self.apply(params, stats, fake, label, mutable)
            return real_logits, fake_logits, stats
        both = None if label is None else interleave(label, label)
        logits, stats = self.apply(params, stats, interleave(real, fake), both, mutable)
        return *logits.reshape(-1, 2).T, stats

    def apply(
        self, params, stats: Stats, images: Array, label, mutable: list[str]
    ) -> tuple[Array, Stats]:
        """Logits [B] of images in training, and the statistics afterwards."""
        variables = {"params": params, **stats}
        logits, new = self.discriminator.apply(
            variables, images, label, train=True, mutable=mutable
        )
        return logits, {**stats, **new}

    def generate(
        self, params, stats: Stats, latents: Array, batch: Batch, mutable=None
    ) -> tuple[Array, Stats]:
        """Images in training, of the batch's labels, and the statistics afterwards.

        Spectral vectors stay as they are unless `mutable` names them.
        """
        images, new = self.generator.apply(
            {"params": params, **stats},
            latents,
            batch.get("label"),
            train=True,
            mutable=all_but_spectral(stats) if mutable is None else mutable,
        )
        return images, {**stats, **new}

    def view(self, images: Array, key: Array, strength: Array) -> Array:
        """What the discriminator sees of images [B, H, W, C]."""
        if self.augment is None:
            return images
        return self.augment(images, key, strength, self.axis_name)

    def latents(self, key: Array, count: int) -> Array:
        """Standard normal, [count, Z], drawn for the batch of all devices."""
        shape = (count * axis_size(self.axis_name), self.generator.latent_size)
        return rows(jax.random.normal(key, shape), self.axis_name)


def all_but_spectral(stats: Stats) -> list[str]:
    """The collections that a pass may write, though nobody keeps what it wrote.

    Spectral vectors move only in an update of their own network.
    """
    return [name for name in stats if name != "spectral"]
