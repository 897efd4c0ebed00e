"""Translation of pairs: a generator that must also please a discriminator."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.averaging import Averaging
from resnet_jax.figures import Figure
from resnet_jax.losses.adversarial import AdversarialLoss
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.optim import Optimizer
from resnet_jax.parallel import whole
from resnet_jax.state import NetState, TrainState, descend, init_net
from resnet_jax.tasks.base import Batch, averaged, loss_key, named, total
from resnet_jax.tasks.fidelity import Fidelity
from resnet_jax.tasks.pair import (
    Pair,
    check_one_way,
    evaluation_keys,
    training_keys,
)
from resnet_jax.tasks.perceptual import Perceptual
from resnet_jax.translator import Translator, as_trained

NETS = ("generator", "discriminator")


@dataclasses.dataclass(frozen=True)
class Paired:
    """A generator whose answer is to be near the target, and to look like one.

    Isola et al. 2016 (pix2pix), arXiv:1611.07004, section 3; Ledig et al. 2016 (SRGAN),
    arXiv:1609.04802, section 2.2. A step updates the discriminator, then the generator.

    Attributes:
        generator: inputs to answers, in model units.
        discriminator: images, beside their inputs where `conditional`, to logits.
        pair: makes input and target.
        loss: of the game.
        reconstruction: (answer, target) -> scalar.
        generator_optimizer, discriminator_optimizer: what updates them.
        adversarial: weight of the generator's part in the game.
        reconstruction_weight: of the other part. pix2pix: 100, section 3.3.
        discriminator_weight: of the discriminator's loss. pix2pix halves it (3.3).
        perceptual: of features, a further part of the generator's loss, or None.
        conditional: whether the discriminator sees the input beside the image.
        test_statistics: 'running', or 'batch': each image is normalized by its own
            statistics, and dropout stays on, as pix2pix tests (section 3.3).
        averaging: of the generator's weights, for evaluation.
        fidelity: what is measured of answers.
        axis_name: the device axis under pmap.
    """

    generator: nn.Module
    discriminator: nn.Module
    pair: Pair
    loss: AdversarialLoss
    reconstruction: Callable[[Array, Array], Array]
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    adversarial: float = 1.0
    reconstruction_weight: float = 100.0
    discriminator_weight: float = 0.5
    perceptual: Perceptual | None = None
    conditional: bool = True
    test_statistics: str = "running"
    averaging: Averaging = dataclasses.field(default_factory=Averaging)
    fidelity: Fidelity = dataclasses.field(default_factory=Fidelity)
    axis_name: str | None = None

    draws: ClassVar[int] = 1
    counts: ClassVar[int] = 1

    @property
    def needs(self) -> tuple[str, ...]:
        """The batch keys that training reads."""
        return self.pair.needs

    @property
    def metrics(self) -> Mapping[str, Accumulator]:
        """What `fidelity` measures of answers, and of inputs."""
        return self.fidelity.metrics

    def init(
        self, key: Array, batch: Batch, start: Mapping | None = None
    ) -> TrainState:
        """The state at step 0; start[net] = {'params', 'stats'} to begin from."""
        keys = jax.random.split(key)
        first = {name: batch[name][:1] for name in self.needs}
        pair = self.pair(first, training_keys(key, 1, None), trim=True)
        inputs = {"generator": pair["input"]}
        inputs["discriminator"] = self.seen(pair["input"], pair["target"])
        nets = {}
        for name, net_key in zip(NETS, keys, strict=True):
            nets[name] = init_net(
                getattr(self, name).init(net_key, inputs[name]),
                getattr(self, f"{name}_optimizer"),
                ema=bool(self.averaging) and name == "generator",
                start=(start or {}).get(name),
            )
        return TrainState(step=jnp.zeros((), jnp.int32), nets=nets)

    def train_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """One update of the discriminator, then one of the generator.

        Scalars: discriminator_loss, real_logits, fake_logits; generator_loss and its
        parts adversarial, reconstruction and perceptual, where there is one; gradient
        norms and learning rates.

        Raises:
            ValueError: the network of `perceptual` is not loaded.
        """
        pair_key, generator_key = jax.random.split(key)
        count = len(batch[self.needs[0]])
        keys = training_keys(pair_key, count, self.axis_name)
        pair = self.pair(batch, keys, trim=True)
        generator = state.nets["generator"]
        net, made_key = (generator.params, generator.stats), loss_key(generator_key)
        made, _ = self.make(*net, pair["input"], made_key)
        hyper = self.discriminator_optimizer.hyper(state.step)
        discriminator, scalars = descend(
            self.discriminator_loss,
            state.nets["discriminator"],
            self.discriminator_optimizer,
            {**pair, "fake": made},
            key,
            hyper=hyper,
            axis_name=self.axis_name,
        )
        logged = named("discriminator", scalars, hyper)
        hyper = self.generator_optimizer.hyper(state.step)
        generator, scalars = descend(
            partial(
                self.generator_loss,
                discriminator=discriminator,
                helper=(state.frozen or {}).get("perceptual"),
            ),
            generator,
            self.generator_optimizer,
            pair,
            generator_key,
            hyper=hyper,
            ema_decay=self.averaging.decay_at(state.step),
            axis_name=self.axis_name,
        )
        logged |= named("generator", scalars, hyper)
        nets = {"generator": generator, "discriminator": discriminator}
        return dataclasses.replace(state, step=state.step + 1, nets=nets), logged

    def make(self, params: Any, stats: Any, x: Array, key: Array) -> tuple[Array, Any]:
        """Answers as in training, and new statistics."""
        return self.generator.apply(
            {"params": params, **stats},
            x,
            train=True,
            mutable=list(stats),
            rngs={"dropout": key},
        )

    def seen(self, x: Array, image: Array) -> Array:
        """What the discriminator sees of an input and its target or answer."""
        return jnp.concatenate([x, image], -1) if self.conditional else image

    def judge(self, params: Any, stats: Any, x: Array, image: Array):
        """Logits of the batch of all devices, and new statistics."""
        logits, stats = self.discriminator.apply(
            {"params": params, **stats},
            self.seen(x, image),
            train=True,
            mutable=list(stats),
        )
        return whole(logits, self.axis_name), stats

    def discriminator_loss(
        self, params: Any, stats: Any, batch: Batch, key: Array
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """The loss on targets and answers, each a batch of its own for norms.

        Args:
            params, stats: of the discriminator.
            batch: input, target and fake, in model units.
            key: of nothing.
        """
        fake, stats = self.judge(params, stats, batch["input"], batch["fake"])
        real, stats = self.judge(params, stats, batch["input"], batch["target"])
        loss = self.discriminator_weight * self.loss.discriminator(real, fake)
        return loss, (
            stats,
            {"real_logits": real.mean(), "fake_logits": fake.mean()},
        )

    def generator_loss(
        self,
        params: Any,
        stats: Any,
        batch: Batch,
        key: Array,
        discriminator: NetState,
        helper: Any = None,
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """The generator's loss, new statistics, and its parts, each weighted.

        Args:
            params, stats: of the generator.
            batch: input and target, in model units.
            key: of dropout.
            discriminator: held still.
            helper: variables of the network of `perceptual`.
        """
        made, stats = self.make(params, stats, batch["input"], key)
        critic = discriminator.params, discriminator.stats
        fake, _ = self.judge(*critic, batch["input"], made)
        real: Any = None
        if self.loss.relativistic:
            real, _ = self.judge(*critic, batch["input"], batch["target"])
        parts = {
            "adversarial": self.adversarial * self.loss.generator(real, fake),
            "reconstruction": self.reconstruction_weight
            * self.reconstruction(made, batch["target"]),
        }
        if self.perceptual:
            shown = self.pair.unit(made), self.pair.unit(batch["target"])
            parts["perceptual"] = self.perceptual.loss(helper, *shown)
        return total(parts.values()), (stats, parts)

    def predict(
        self, state: TrainState, batch: Batch, key: Array | None = None
    ) -> dict[str, Array]:
        """The generator's answer {'output'} to {'input'}, both in model units.

        Args:
            state: of prepare_eval.
            batch: input [B, h, w, c]; keys [B] of dropout where it stays on.
            key: of dropout, in place of keys.
        """
        generator, variables = self.network(state)
        if self.test_statistics == "running":
            output: Any = generator.apply(variables, batch["input"])
            return {"output": output}
        keys = batch.get("keys")
        if keys is None:
            assert key is not None, "dropout that stays on needs a key"
            keys = jax.random.split(key, len(batch["input"]))
        return {"output": as_trained(generator, variables, batch["input"], keys)}

    def network(
        self, state: TrainState, direction: str = ""
    ) -> tuple[nn.Module, dict[str, Any]]:
        """The generator and its variables; state of prepare_eval."""
        check_one_way(direction)
        net = state.nets["generator"]
        return self.generator, {"params": net.params, **net.stats}

    def translator(self, state: TrainState, direction: str = "") -> Translator:
        """The finished generator as a function of any image; state of prepare_eval.

        Dropout that stays on drops the same values every time.
        """
        found = self.network(state, direction)
        return self.pair.translator(*found, self.test_statistics)

    def prepare_eval(
        self, state: TrainState, batches: Iterable[Batch] = (), key: Array | None = None
    ) -> TrainState:
        """The averaged generator, where an average is kept."""
        return averaged(state, "generator")

    def answers(self, state: TrainState, batch: Batch, key: Array) -> dict[str, Array]:
        """Images in [0, 1] of an evaluation's batch: input, output and target."""
        keys = evaluation_keys(key, batch["index"])
        pair = self.pair(batch, keys)
        output = self.predict(state, {"input": pair["input"], "keys": keys})["output"]
        return self.pair.images(pair, output)

    def eval_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> dict[str, Array]:
        """Per example: index, and what `fidelity` says of its images."""
        images = self.answers(state, batch, key)
        about = {"frozen": state.frozen, "grey": batch.get("grey")}
        return {"index": batch["index"], **self.fidelity.rows(**images, **about)}

    def show(self, state: TrainState, batch: Batch, key: Array) -> dict[str, Array]:
        """Columns: input, output, target and error, with the PSNR beside them."""
        images = self.answers(state, batch, key)
        return self.fidelity.columns(**images, grey=batch.get("grey"))

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': what `fidelity` sums up to."""
        return self.fidelity.summarize(evals)

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """How the numbers were measured."""
        return self.fidelity.figures(evals)

    def alarm(self, scalars: Mapping[str, float]) -> str:
        """Nothing: the grids say more."""
        return ""
