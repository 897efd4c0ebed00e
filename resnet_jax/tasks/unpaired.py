"""Translation between two sets of images of which none belong together."""

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
from resnet_jax.losses.reconstruction import l1_loss
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.quantization import to_uint8
from resnet_jax.models.cycle import Cycle, Judges
from resnet_jax.optim import Optimizer
from resnet_jax.state import NetState, TrainState, descend, init_net
from resnet_jax.tasks.base import Batch, averaged, loss_key, named, pixels, total
from resnet_jax.tasks.pool import empty_pool, query
from resnet_jax.tasks.translation import Translation
from resnet_jax.translator import Translator


@dataclasses.dataclass(frozen=True)
class Unpaired:
    """Two translators that undo each other, against a discriminator of each domain.

    Zhu et al. 2017 (CycleGAN), arXiv:1703.10593. A step updates both translators
    together, then both discriminators, on what the translators made before their
    update, or made earlier.

    Attributes:
        translators: of both directions.
        judges: of both domains.
        loss: of the game.
        generator_optimizer, discriminator_optimizer: what updates them.
        mean, std: of the pixels, in [0, 1] units.
        adversarial: weight of the translators' part in the game.
        cycle: weight of |back - there|, the mean over pixels (equation 2).
        identity: of |made of a target image - that image| (section 5.2), times `cycle`.
        pool_size: images of each domain kept for the discriminators, 0 for none.
        averaging: of the translators' weights, for evaluation.
        evaluation: what is measured.
        axis_name: the device axis under pmap, where there is no pool.
    """

    translators: Cycle
    judges: Judges
    loss: AdversarialLoss
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    mean: tuple[float, ...]
    std: tuple[float, ...]
    adversarial: float = 1.0
    cycle: float = 10.0
    identity: float = 0.5
    pool_size: int = 50
    averaging: Averaging = dataclasses.field(default_factory=Averaging)
    evaluation: Translation = dataclasses.field(default_factory=Translation)
    axis_name: str | None = None

    needs: ClassVar[tuple[str, ...]] = ("a", "b")
    draws: ClassVar[int] = 1
    counts: ClassVar[int] = 1

    @property
    def metrics(self) -> Mapping[str, Accumulator]:
        """Errors of the cycle, and distances."""
        return self.evaluation.metrics

    def init(
        self, key: Array, batch: Batch, start: Mapping | None = None
    ) -> TrainState:
        """The state at step 0; start[net] = {'params', 'stats'} to begin from."""
        generator_key, discriminator_key = jax.random.split(key)
        images = {name: self.units(batch[name][:1]) for name in self.needs}
        start = start or {}
        generator = init_net(
            self.translators.init(generator_key, images["a"], images["b"]),
            self.generator_optimizer,
            ema=bool(self.averaging),
            start=start.get("generator"),
        )
        discriminator = init_net(
            self.judges.init(discriminator_key, images["a"], images["b"]),
            self.discriminator_optimizer,
            start=start.get("discriminator"),
        )
        memory = None
        if self.pool_size:
            net = generator.params, generator.stats
            made, _ = jax.eval_shape(self.make, *net, images, key)
            memory = {
                name: empty_pool(self.pool_size, made[f"fake_{name}"])
                for name in self.needs
            }
        nets = {"generator": generator, "discriminator": discriminator}
        return TrainState(step=jnp.zeros((), jnp.int32), nets=nets, memory=memory)

    def train_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """One update of the translators, one of the discriminators.

        Scalars: generator_loss and its parts adversarial, cycle, identity;
        discriminator_loss, gradient norms and learning rates.
        """
        pool_key, generator_key, discriminator_key = jax.random.split(key, 3)
        real = {name: self.units(batch[name]) for name in self.needs}
        before = state.nets["generator"]
        hyper = self.generator_optimizer.hyper(state.step)
        generator, scalars = descend(
            partial(self.generator_loss, discriminator=state.nets["discriminator"]),
            before,
            self.generator_optimizer,
            real,
            generator_key,
            hyper=hyper,
            ema_decay=self.averaging.decay_at(state.step),
            axis_name=self.axis_name,
        )
        logged = named("generator", scalars, hyper)
        made, _ = self.make(before.params, before.stats, real, loss_key(generator_key))
        fakes = {name: made[f"fake_{name}"] for name in self.needs}
        memory = dict(state.memory or {})
        for number, name in enumerate(memory):
            name_key = jax.random.fold_in(pool_key, number)
            memory[name], fakes[name] = query(memory[name], fakes[name], name_key)
        hyper = self.discriminator_optimizer.hyper(state.step)
        discriminator, scalars = descend(
            self.discriminator_loss,
            state.nets["discriminator"],
            self.discriminator_optimizer,
            {**real, **{f"fake_{name}": fake for name, fake in fakes.items()}},
            discriminator_key,
            hyper=hyper,
            axis_name=self.axis_name,
        )
        nets = {"generator": generator, "discriminator": discriminator}
        logged |= named("discriminator", scalars, hyper)
        return TrainState(state.step + 1, nets, memory or None, state.frozen), logged

    def make(
        self, params: Any, stats: Any, real: Batch, key: Array
    ) -> tuple[dict[str, Array], Any]:
        """Everything that the translators make of a batch, and their new statistics."""
        return self.translators.apply(
            {"params": params, **stats},
            real["a"],
            real["b"],
            self.identity > 0,
            train=True,
            mutable=list(stats),
            rngs={"dropout": key},
        )

    def generator_loss(
        self, params: Any, stats: Any, batch: Batch, key: Array, discriminator: NetState
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """The translators' loss, their new statistics, and its parts, each weighted.

        Args:
            params, stats: of the translators.
            batch: a, b in model units.
            key: of dropout.
            discriminator: held still.
        """
        made, stats = self.make(params, stats, batch, key)
        logits, _ = self.judge(
            discriminator.params, discriminator.stats, made["fake_a"], made["fake_b"]
        )
        nothing: Any = None
        game = total(self.loss.generator(nothing, x) for x in logits)
        parts = {"adversarial": self.adversarial * game}
        parts["cycle"] = self.cycle * distance(made, batch, "cycled")
        if self.identity:
            weight = self.identity * self.cycle
            parts["identity"] = weight * distance(made, batch, "same")
        return total(parts.values()), (stats, parts)

    def discriminator_loss(
        self, params: Any, stats: Any, batch: Batch, key: Array
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """The discriminators' loss on a, b and fake_a, fake_b, and new statistics."""
        real, stats = self.judge(params, stats, batch["a"], batch["b"])
        fake, stats = self.judge(params, stats, batch["fake_a"], batch["fake_b"])
        pairs = zip(real, fake, strict=True)
        loss = total(self.loss.discriminator(*pair) for pair in pairs)
        sides = {"real_logits": real, "fake_logits": fake}
        scalars = {k: (x.mean() + y.mean()) / 2 for k, (x, y) in sides.items()}
        return loss, (stats, scalars)

    def judge(self, params: Any, stats: Any, a: Array, b: Array) -> tuple[Any, Any]:
        """Logits of images of both domains, and new statistics."""
        variables = {"params": params, **stats}
        return self.judges.apply(variables, a, b, train=True, mutable=list(stats))

    def units(self, image: Array) -> Array:
        """Stored pixels in model units."""
        return pixels(image, self.mean, self.std)

    def predict(
        self,
        state: TrainState,
        batch: Batch,
        key: Array | None = None,
        *,
        direction: str = "ab",
    ) -> dict[str, Array]:
        """{'image': uint8} of the other domain, of stored images {'image'}.

        Args:
            state: of prepare_eval.
            batch: image uint8 [B, H, W, C].
            key: of nothing.
            direction: 'ab' or 'ba'.
        """
        made = self.translate(state, self.units(batch["image"]), direction)
        return {"image": to_uint8(made)}

    def translate(self, state: TrainState, image: Array, direction: str) -> Array:
        """As predict, in model units."""
        net = state.nets["generator"]
        made: Any = self.translators.apply(
            {"params": net.params, **net.stats}, image, direction, method="translate"
        )
        return made

    def network(
        self, state: TrainState, direction: str = ""
    ) -> tuple[nn.Module, dict[str, Any]]:
        """One translator and its variables.

        Args:
            state: of prepare_eval.
            direction: 'ab' or 'ba'; '' for 'ab'.
        """
        net, way = state.nets["generator"], direction or "ab"
        every = {"params": net.params, **net.stats}
        variables = {name: values[way] for name, values in every.items()}
        return getattr(self.translators, way), variables

    def translator(self, state: TrainState, direction: str = "") -> Translator:
        """One finished translator as a function of any image; see `network`."""
        model, variables = self.network(state, direction)
        units: dict[str, Any] = {"mean": self.mean, "std": self.std}
        units |= {"out_mean": self.mean[:1], "out_std": self.std[:1]}
        return Translator.of(model, variables, **units)

    def prepare_eval(
        self, state: TrainState, batches: Iterable[Batch] = (), key: Array | None = None
    ) -> TrainState:
        """The averaged translators, where an average is kept."""
        return averaged(state, "generator")

    def journey(self, state: TrainState, batch: Batch) -> tuple[str, dict[str, Array]]:
        """Where images of an evaluation's domain go: its name, there, and back again.

        Returns:
            'a' or 'b', and 'image', 'there' and 'back', uint8 [B, H, W, C].
        """
        name = "a" if "a" in batch else "b"
        way = ("ab", "ba") if name == "a" else ("ba", "ab")
        there = self.translate(state, self.units(batch[name]), way[0])
        back = self.translate(state, there, way[1])
        images = {
            "image": batch[name],
            "there": to_uint8(there),
            "back": to_uint8(back),
        }
        return name, images

    def eval_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> dict[str, Array]:
        """Per example: the cycle's error and the features of image and translation."""
        name, images = self.journey(state, batch)
        variables = (state.frozen or {}).get("features")
        rows = self.evaluation.rows(variables, name, **images)
        return {"index": batch["index"], **rows}

    def show(self, state: TrainState, batch: Batch, key: Array) -> dict[str, Array]:
        """Columns: an image, its translation, and what comes back."""
        name, images = self.journey(state, batch)
        there = "b" if name == "a" else "a"
        return dict(zip((name, there, f"{name} again"), images.values(), strict=True))

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': what the evaluation sums up to."""
        return self.evaluation.summarize(evals)

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """How the numbers were measured."""
        return self.evaluation.figures(evals)

    def alarm(self, scalars: Mapping[str, float]) -> str:
        """Nothing: the grids say more."""
        return ""


def distance(made: Batch, wanted: Batch, kind: str) -> Array:
    """The mean absolute difference of each domain's images, added up."""
    return total(l1_loss(made[f"{kind}_{name}"], wanted[name]) for name in "ab")
