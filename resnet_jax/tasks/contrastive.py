"""Translation one way, held to its image by what patches have in common."""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.averaging import Averaging
from resnet_jax.figures import Figure
from resnet_jax.losses.adversarial import AdversarialLoss
from resnet_jax.losses.patch_contrastive import patch_contrastive_loss
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.quantization import to_uint8
from resnet_jax.models.contrast import Contrast
from resnet_jax.optim import Optimizer
from resnet_jax.state import NetState, TrainState, descend, init_net
from resnet_jax.tasks.base import Batch, averaged, loss_key, named, pixels, total
from resnet_jax.tasks.pair import check_one_way
from resnet_jax.tasks.translation import Translation
from resnet_jax.translator import Translator


@dataclasses.dataclass(frozen=True)
class Contrastive:
    """A translator from domain a to b, against a discriminator of b.

    Park et al. 2020 (CUT and FastCUT), arXiv:2007.15651. A patch of the translation is
    to be told from others as that of its image. A step updates the discriminator, then
    the translator with its projections.

    Attributes:
        contrast: translator and projections.
        judge: of domain b.
        loss: of the game.
        generator_optimizer, discriminator_optimizer: what updates them.
        mean, std: of the pixels, in [0, 1] units.
        adversarial: weight of the translator's part in the game.
        contrastive: weight of the patches' loss: 1, and 10 in FastCUT.
        identity: whether images of b, which are to stay as they are, are compared too,
            and the mean of both taken.
        equivariance: whether half of the steps translate mirror images (FastCUT).
        temperature: of the comparison.
        discriminator_weight: of the discriminator's loss.
        averaging: of the translator's weights, for evaluation.
        evaluation: what is measured.
        axis_name: the device axis under pmap.
    """

    contrast: Contrast
    judge: nn.Module
    loss: AdversarialLoss
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    mean: tuple[float, ...]
    std: tuple[float, ...]
    adversarial: float = 1.0
    contrastive: float = 1.0
    identity: bool = True
    equivariance: bool = False
    temperature: float = 0.07
    discriminator_weight: float = 1.0
    averaging: Averaging = dataclasses.field(default_factory=Averaging)
    evaluation: Translation = dataclasses.field(
        default_factory=partial(Translation, returns=False)
    )
    axis_name: str | None = None

    needs: ClassVar[tuple[str, ...]] = ("a", "b")
    draws: ClassVar[int] = 1
    counts: ClassVar[int] = 1

    @property
    def metrics(self) -> Mapping[str, Accumulator]:
        """Distances."""
        return self.evaluation.metrics

    def init(
        self, key: Array, batch: Batch, start: Mapping | None = None
    ) -> TrainState:
        """The state at step 0; start[net] = {'params', 'stats'} to begin from."""
        keys = jax.random.split(key)
        a, b = (self.units(batch[name][:1]) for name in self.needs)
        variables = {
            "generator": self.contrast.init(keys[0], a, key),
            "discriminator": self.judge.init(keys[1], b),
        }
        optimizers = self.generator_optimizer, self.discriminator_optimizer
        nets = {
            name: init_net(
                values,
                optimizer,
                ema=bool(self.averaging) and name == "generator",
                start=(start or {}).get(name),
            )
            for (name, values), optimizer in zip(
                variables.items(), optimizers, strict=True
            )
        }
        return TrainState(step=jnp.zeros((), jnp.int32), nets=nets)

    def train_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """One update of the discriminator, then one of the translator.

        Scalars: discriminator_loss, real_logits, fake_logits; generator_loss and its
        parts adversarial, patches and identity; gradient norms and learning rates.
        """
        generator_key, discriminator_key = jax.random.split(key)
        real = {name: self.units(batch[name]) for name in self.needs}
        generator = state.nets["generator"]
        net, key = (generator.params, generator.stats), loss_key(generator_key)
        made, _ = self.make(*net, real["a"], key)
        hyper = self.discriminator_optimizer.hyper(state.step)
        discriminator, scalars = descend(
            self.discriminator_loss,
            state.nets["discriminator"],
            self.discriminator_optimizer,
            {"b": real["b"], "fake_b": made[0]},
            discriminator_key,
            hyper=hyper,
            axis_name=self.axis_name,
        )
        logged = named("discriminator", scalars, hyper)
        hyper = self.generator_optimizer.hyper(state.step)
        generator, scalars = descend(
            partial(self.generator_loss, discriminator=discriminator),
            generator,
            self.generator_optimizer,
            real,
            generator_key,
            hyper=hyper,
            ema_decay=self.averaging.decay_at(state.step),
            axis_name=self.axis_name,
        )
        logged |= named("generator", scalars, hyper)
        nets = {"generator": generator, "discriminator": discriminator}
        return dataclasses.replace(state, step=state.step + 1, nets=nets), logged

    def make(self, params: Any, stats: Any, image: Array, key: Array) -> Any:
        """What `contrast` makes of images, and new statistics."""
        mirror_key, places_key, dropout_key = jax.random.split(key, 3)
        mirrored = self.equivariance & jax.random.bernoulli(mirror_key)
        return self.contrast.apply(
            {"params": params, **stats},
            image,
            places_key,
            mirrored,
            train=True,
            mutable=list(stats),
            rngs={"dropout": dropout_key},
        )

    def generator_loss(
        self, params: Any, stats: Any, batch: Batch, key: Array, discriminator: NetState
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """The translator's loss, new statistics, and its parts, each weighted.

        Args:
            params, stats: of translator and projections.
            batch: a, b in model units.
            key: of places, mirroring and dropout.
            discriminator: held still.
        """
        (made, queries, keys), stats = self.make(params, stats, batch["a"], key)
        logits = self.judge.apply(
            {"params": discriminator.params, **discriminator.stats},
            made,
            train=True,
            mutable=list(discriminator.stats),
        )[0]
        nothing: Any = None
        weight = self.contrastive / (1 + self.identity)
        parts = {
            "adversarial": self.adversarial * self.loss.generator(nothing, logits),
            "patches": weight * self.compared(queries, keys),
        }
        if self.identity:
            same_key = jax.random.fold_in(key, 1)
            again, stats = self.make(params, stats, batch["b"], same_key)
            parts["identity"] = weight * self.compared(*again[1:])
        return total(parts.values()), (stats, parts)

    def compared(self, queries: list[Array], keys: list[Array]) -> Array:
        """The patches' loss, mean over maps."""
        losses = (
            patch_contrastive_loss(query, key, self.temperature)
            for query, key in zip(queries, keys, strict=True)
        )
        return total(losses) / len(queries)

    def discriminator_loss(
        self, params: Any, stats: Any, batch: Batch, key: Array
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """The discriminator's loss on b and fake_b, and new statistics."""
        logits = {}
        for name in ("fake_b", "b"):
            variables = {"params": params, **stats}
            logits[name], stats = self.judge.apply(
                variables, batch[name], train=True, mutable=list(stats)
            )
        loss = self.loss.discriminator(logits["b"], logits["fake_b"])
        scalars = {"real_logits": logits["b"], "fake_logits": logits["fake_b"]}
        scalars = {name: x.mean() for name, x in scalars.items()}
        return self.discriminator_weight * loss, (stats, scalars)

    def units(self, image: Array) -> Array:
        """Stored pixels in model units."""
        return pixels(image, self.mean, self.std)

    def predict(
        self, state: TrainState, batch: Batch, key: Array | None = None
    ) -> dict[str, Array]:
        """{'image': uint8} in domain b, of stored images {'image'} of a.

        Args:
            state: of prepare_eval.
            batch: image uint8 [B, H, W, C].
            key: of nothing.
        """
        net = state.nets["generator"]
        made: Any = self.contrast.apply(
            {"params": net.params, **net.stats},
            self.units(batch["image"]),
            method="translate",
        )
        return {"image": to_uint8(made)}

    def network(
        self, state: TrainState, direction: str = ""
    ) -> tuple[nn.Module, dict[str, Any]]:
        """The translator and its variables; state of prepare_eval."""
        check_one_way(direction)
        net = state.nets["generator"]
        every = {"params": net.params, **net.stats}
        variables = {name: values["translator"] for name, values in every.items()}
        return self.contrast.translator, variables

    def translator(self, state: TrainState, direction: str = "") -> Translator:
        """The finished translator as a function of any image; state of prepare_eval."""
        model, variables = self.network(state, direction)
        units: dict[str, Any] = {"mean": self.mean, "std": self.std}
        units |= {"out_mean": self.mean[:1], "out_std": self.std[:1]}
        return Translator.of(model, variables, **units)

    def prepare_eval(
        self, state: TrainState, batches: Iterable[Batch] = (), key: Array | None = None
    ) -> TrainState:
        """The averaged translator, where an average is kept."""
        return averaged(state, "generator")

    def eval_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> dict[str, Array]:
        """Per example: the features of image and translation; of b, the image's."""
        name = "a" if "a" in batch else "b"
        image, there = batch[name], None
        if name == "a":
            there = self.predict(state, {"image": image})["image"]
        variables = (state.frozen or {}).get("features")
        rows = self.evaluation.rows(variables, name, image, there)
        return {"index": batch["index"], **rows}

    def show(self, state: TrainState, batch: Batch, key: Array) -> dict[str, Array]:
        """Columns: an image and its translation."""
        if "a" not in batch:
            return {}
        there = self.predict(state, {"image": batch["a"]})["image"]
        return {"a": batch["a"], "b": there}

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': what the evaluation sums up to."""
        return self.evaluation.summarize(evals)

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """How the numbers were measured."""
        return self.evaluation.figures(evals)

    def alarm(self, scalars: Mapping[str, float]) -> str:
        """Nothing: the grids say more."""
        return ""
