"""Generative adversarial networks: a generator and a discriminator of its images.

gan_section.py makes the task of a config's sections, game.py has the two losses, this
file their order in a step, and gan_evaluation.py what is measured.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.averaging import Averaging
from resnet_jax.figures import Figure
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.quantization import to_uint8
from resnet_jax.optim import Optimizer
from resnet_jax.parallel import axis_size, rows
from resnet_jax.scan import scan
from resnet_jax.state import NetState, TrainState, descend, init_net
from resnet_jax.tasks.base import Batch, named, pixels
from resnet_jax.tasks.game import Game
from resnet_jax.tasks.gan_evaluation import GanEvaluation
from resnet_jax.tasks.samples import alarm, numbered, spread
from resnet_jax.tasks.strength import Strength


@dataclasses.dataclass(frozen=True)
class Gan:
    """A generator that learns to make images which a discriminator takes for real.

    Goodfellow et al. 2014, arXiv:1406.2661. A step is n_critic updates of the
    discriminator, then one of the generator. Schedules count the real images that the
    discriminator has seen: n_critic * batch_size in a step. An update writes the
    statistics of the network that it updates, and nothing else: spectral vectors move
    once in an update of the discriminator, which judges real and fake side by side.

    Attributes:
        game: both networks, with their losses.
        generator_optimizer, discriminator_optimizer: what updates them.
        mean, std: of the pixels, in [0, 1] units.
        strength: how often the discriminator's images are augmented.
        n_critic: updates of the discriminator in a step.
        generator_batches: images that the generator learns from in a step, in batches.
        averaging: of the generator's weights, for evaluation.
        standing: batches that the generator's running statistics are estimated from
            before an evaluation; 0 keeps those of training. Brock et al. 2018,
            arXiv:1809.11096, appendix B.
        dequantize: add noise of up to one grey level to real images, so that they are
            as continuous as generated ones. Miyato et al. 2018's program.
        microbatches: parts over which the gradient of an update is accumulated.
        evaluation: what is measured.
    """

    game: Game
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    mean: tuple[float, ...]
    std: tuple[float, ...]
    strength: Strength = dataclasses.field(default_factory=Strength)
    n_critic: int = 1
    generator_batches: int = 1
    averaging: Averaging = dataclasses.field(default_factory=Averaging)
    standing: int = 0
    dequantize: bool = False
    microbatches: int = 1
    evaluation: GanEvaluation = dataclasses.field(default_factory=GanEvaluation)

    @property
    def needs(self) -> tuple[str, ...]:
        """The batch keys that training reads."""
        return ("image", "label") if self.game.conditional else ("image",)

    @property
    def draws(self) -> int:
        """Batches of a step: the discriminator's, and the generator's if it looks."""
        return self.n_critic + self.game.loss.relativistic

    @property
    def counts(self) -> int:
        """Batches of a step that count as images seen."""
        return self.n_critic

    @property
    def metrics(self) -> Mapping[str, Accumulator]:
        """Scores of the discriminator, and distances."""
        return self.evaluation.metrics

    def init(
        self, key: Array, batch: Batch, start: Mapping | None = None
    ) -> TrainState:
        """The state at step 0; start[net] = {'params', 'stats'} to begin from."""
        generator_key, discriminator_key = jax.random.split(key)
        label = jnp.zeros(1, jnp.int32) if self.game.conditional else None
        image = pixels(batch["image"][:1], self.mean, self.std)
        latents = jnp.zeros((1, self.game.generator.latent_size), image.dtype)
        makes = jax.eval_shape(
            self.game.generator.init_with_output, key, latents, label
        )[0]
        if makes.shape != image.shape:
            raise ValueError(
                f"the generator makes images of {_size(makes)} and the data has "
                f"{_size(image)}; set generator.resolution and generator.channels."
            )
        start = start or {}
        generator = init_net(
            self.game.generator.init(generator_key, latents, label),
            self.generator_optimizer,
            ema=bool(self.averaging),
            start=start.get("generator"),
        )
        discriminator = init_net(
            self.game.discriminator.init(discriminator_key, image, label),
            self.discriminator_optimizer,
            start=start.get("discriminator"),
        )
        memory = {**self.strength.memory(), **self.game.penalties.memory()}
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            nets={"generator": generator, "discriminator": discriminator},
            memory=memory or None,
        )

    def train_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """n_critic updates of the discriminator, one of the generator; see scalars."""
        critic_key, generator_key, noise_key = jax.random.split(key, 3)
        parts = self.deal(batch, noise_key)
        before = state.step * self.n_critic

        def update(state, turn):
            index, real = turn
            key = jax.random.fold_in(critic_key, index)
            return self.discriminator_step(state, real, key, before + index)

        first = jax.tree.map(lambda x: x[: self.n_critic], parts)
        state, scalars = scan(update, state, (jnp.arange(self.n_critic), first))
        scalars = jax.tree.map(lambda x: x.mean(0), scalars)
        state, more = self.generator_step(state, parts, generator_key)
        return dataclasses.replace(state, step=state.step + 1), {**scalars, **more}

    def deal(self, batch: Batch, key: Array) -> dict[str, Array]:
        """A step's batch as [draws, B, ...]: draw i has the rows i, i + draws, ..."""

        def draws(x):
            return x.reshape(-1, self.draws, *x.shape[1:]).swapaxes(0, 1)

        parts = {name: draws(batch[name]) for name in self.needs}
        image = pixels(parts["image"], self.mean, self.std)
        if self.dequantize:
            axis_name = self.game.axis_name
            count = image.shape[1] * axis_size(axis_name)
            shape = (self.draws, count, *image.shape[2:])
            noise = jax.random.uniform(key, shape, maxval=2 / 256)
            image += jax.vmap(lambda x: rows(x, axis_name))(noise)
        return {**parts, "image": image}

    def discriminator_step(
        self, state: TrainState, real: Batch, key: Array, updates: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """One update of the discriminator, on as many fakes as there are reals.

        Fakes have the labels of the reals.

        Args:
            state: the discriminator and the memory of the one returned are new.
            real: image [B, H, W, C] in model units, label [B] where images have one.
            key: of this update.
            updates: of the discriminator before this one.

        Returns:
            The state, and discriminator_loss, discriminator_gradient_norm,
            discriminator_learning_rate, real_logits and fake_logits (means), spread,
            augment_strength, and every penalty by name.
        """
        latent_key, loss_key, noise_key = jax.random.split(key, 3)
        memory, count = state.memory or {}, real["image"].shape[0]
        size = count * axis_size(self.game.axis_name)
        seen = updates * float(size)  # whole numbers of 32 bits end at 2 billion
        latents = self.game.latents(latent_key, count)
        generator = state.nets["generator"]
        fake, _ = self.game.generate(generator.params, generator.stats, latents, real)
        strength = self.strength(memory, seen)
        hyper = self.discriminator_optimizer.hyper(seen)
        inputs = {**real, "fake": fake}
        noise = self.game.penalties.noise(noise_key, real["image"], self.game.axis_name)
        net, scalars = descend(
            partial(
                self.game.discriminator_loss,
                strength=strength,
                weights=self.game.penalties.weights(seen),
                memory=memory,
            ),
            state.nets["discriminator"],
            self.discriminator_optimizer,
            {**inputs, **noise},
            loss_key,
            hyper=hyper,
            microbatches=self.microbatches,
            axis_name=self.game.axis_name,
        )
        memory = self.strength.after(memory, scalars.pop("sign"), updates, size)
        memory = self.game.penalties.after(memory, scalars)
        nets = {**state.nets, "discriminator": net}
        scalars |= {"spread": spread(fake, real["image"], self.game.axis_name)}
        if self.game.augment is not None:
            scalars["augment_strength"] = strength
        state = dataclasses.replace(state, nets=nets, memory=memory or None)
        return state, named("discriminator", scalars, hyper)

    def generator_step(
        self, state: TrainState, parts: Batch, key: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """One update of the generator and of its average.

        Args:
            state: the generator of the one returned is new.
            parts: of the whole step, [draws, B, ...]. A relativistic loss takes the
                last of them; otherwise labels are those of the first.
            key: of this update.

        Returns:
            The state, and generator_loss, generator_gradient_norm,
            generator_learning_rate.
        """
        latent_key, loss_key = jax.random.split(key)
        size = parts["image"].shape[1]
        batch = self.n_critic * size * axis_size(self.game.axis_name)
        seen = state.step * float(batch)
        if self.game.loss.relativistic:
            inputs = jax.tree.map(lambda x: x[-1], dict(parts))
        else:
            first = {k: x[: self.generator_batches] for k, x in parts.items()}
            first.pop("image")
            inputs = {k: x.reshape(-1) for k, x in first.items()}
        inputs["latents"] = self.game.latents(latent_key, self.generator_batches * size)
        hyper = self.generator_optimizer.hyper(seen)
        memory = state.memory or {}
        net, scalars = descend(
            partial(
                self.game.generator_loss,
                discriminator=state.nets["discriminator"],
                strength=self.strength(memory, seen),
                weights=self.game.penalties.weights(seen),
            ),
            state.nets["generator"],
            self.generator_optimizer,
            inputs,
            loss_key,
            hyper=hyper,
            ema_decay=self.averaging.decay_at(state.step),
            microbatches=self.microbatches,
            axis_name=self.game.axis_name,
        )
        nets = {**state.nets, "generator": net}
        return dataclasses.replace(state, nets=nets), named("generator", scalars, hyper)

    def predict(
        self,
        state: TrainState,
        batch: Batch,
        key: Array | None = None,
        *,
        truncation: float = 1.0,
    ) -> dict[str, Array]:
        """Images of the finished generator, as stored: {'image': uint8 [B, H, W, C]}.

        Args:
            state: of prepare_eval.
            batch: label [B] where images are made of a class, and latents [B, Z] or
                index [B]: number i is the same image for the same key, in any batch.
            key: of the latents.
            truncation: what latents are multiplied by: less than 1 for less variety.
        """
        latents = batch.get("latents")
        if latents is None:
            assert key is not None, "numbers become latents by a key"
            latents = numbered(key, batch["index"], self.game.generator.latent_size)
        net = state.nets["generator"]
        images: Any = self.game.generator.apply(
            {"params": net.params, **net.stats},
            truncation * latents,
            batch["label"] if self.game.conditional else None,
        )
        return {"image": to_uint8(images)}

    def prepare_eval(
        self, state: TrainState, batches: Iterable[Batch] = (), key: Array | None = None
    ) -> TrainState:
        """The averaged generator, its running statistics estimated anew if asked."""
        net = state.nets["generator"]
        values = net.ema or {"params": net.params, "stats": net.stats}
        if self.standing and key is not None:
            values = {**values, "stats": self.stand(values, batches, key)}
        nets = {**state.nets, "generator": NetState(**values, opt_state=None)}
        return dataclasses.replace(state, nets=nets)

    def stand(self, values: Mapping, batches: Iterable[Batch], key: Array) -> Any:
        """The generator's statistics after `standing` more batches in training."""
        # Evaluation runs under jit, where no axis has a name.
        generator = self.game.generator.clone(axis_name=None)
        game = dataclasses.replace(self.game, generator=generator, axis_name=None)

        @jax.jit
        def follow(stats, label, key):
            latents = game.latents(key, len(label))
            inputs = {"label": label} if game.conditional else {}
            return game.generate(values["params"], stats, latents, inputs)[1]

        stats, batches = values["stats"], iter(batches)
        for number in range(self.standing):
            batch = next(batches)
            label = batch.get("label", jnp.zeros(len(batch["image"]), jnp.int32))
            stats = follow(stats, label, jax.random.fold_in(key, number))
        return stats

    def eval_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> dict[str, Array]:
        """Per example: what the discriminator and the feature network say of it.

        A fake image stands beside each real one, of the same label.
        """
        fake = self.predict(state, batch, key)["image"]
        net = state.nets["discriminator"]
        label = batch["label"] if self.game.conditional else None
        judge: Any = partial(
            self.game.discriminator.apply, {"params": net.params, **net.stats}
        )
        scores = {
            name: judge(pixels(image, self.mean, self.std), label)
            for name, image in (("real_score", batch["image"]), ("fake_score", fake))
        }
        variables = (state.frozen or {}).get("features")
        rows = self.evaluation.rows(variables, batch["image"], fake, label)
        return {"index": batch["index"], **scores, **rows}

    def show(self, state: TrainState, batch: Batch, key: Array) -> dict[str, Array]:
        """Columns of fakes, of the same latents each time, and 'real' images.

        A row is a class where images are made of one, and a column one latent.
        """
        row = jnp.arange(batch["image"].shape[0])
        shown: dict[str, Array] = {"real": batch["image"]}
        for column in range(COLUMNS):
            inputs = {"index": row * COLUMNS + column}
            if self.game.conditional:
                again, label = jnp.divmod(row, self.game.generator.num_classes)
                inputs = {"index": again * COLUMNS + column, "label": label}
            shown[f"fake {column}"] = self.predict(state, inputs, key)["image"]
        return shown

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': scores, distances and 'overfitting'; see evaluation."""
        return self.evaluation.summarize(evals)

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """What the evaluation shows."""
        return self.evaluation.figures(evals, self.game.generator.resolution)

    def alarm(self, scalars: Mapping[str, float]) -> str:
        """What is wrong with a while of training, '' for nothing.

        Args:
            scalars: means of train_step's.
        """
        return alarm(scalars)


# Columns of the grids that a run paints.
COLUMNS = 8


def _size(image: Array) -> str:
    height, width, channels = image.shape[1:]
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
