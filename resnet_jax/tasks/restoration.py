"""Restoration: one network that learns to undo what was done to an image."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from resnet_jax.averaging import Averaging
from resnet_jax.figures import Figure
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.optim import Optimizer
from resnet_jax.state import TrainState, descend, init_net
from resnet_jax.tasks.base import Batch, averaged
from resnet_jax.tasks.fidelity import Fidelity
from resnet_jax.tasks.pair import (
    Pair,
    check_one_way,
    evaluation_keys,
    training_keys,
)
from resnet_jax.translator import Translator


@dataclasses.dataclass(frozen=True)
class Restoration:
    """One network whose answer to an input is to be the target, pixel by pixel.

    Super-resolution, denoising, deblurring, removal of compression artefacts,
    enhancement, colorization: whatever `pair` does to images, or pairs that the data
    has.

    Attributes:
        model: inputs [B, h, w, c] to answers [B, scale h, scale w, c'], model units.
        optimizer: what updates it.
        pair: makes input and target.
        loss: (answer, target) -> scalar, the mean over the batch.
        fidelity: what is measured of answers.
        averaging: of the weights, for evaluation.
        microbatches: parts over which a step's gradient is accumulated.
        axis_name: the device axis under pmap.
    """

    model: nn.Module
    optimizer: Optimizer
    pair: Pair
    loss: Callable[[Array, Array], Array]
    fidelity: Fidelity = dataclasses.field(default_factory=Fidelity)
    averaging: Averaging = dataclasses.field(default_factory=Averaging)
    microbatches: int = 1
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
        """The state at step 0; start['model'] = {'params', 'stats'} to begin from."""
        first = {name: batch[name][:1] for name in self.needs}
        keys = training_keys(key, 1, None)
        variables = self.model.init(key, self.pair(first, keys, trim=True)["input"])
        begin = (start or {}).get("model")
        net = init_net(variables, self.optimizer, ema=bool(self.averaging), start=begin)
        return TrainState(step=jnp.zeros((), jnp.int32), nets={"model": net})

    def train_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """One optimizer update; scalars: loss, learning_rate, gradient_norm."""
        count = len(batch[self.needs[0]])
        keys = training_keys(key, count, self.axis_name)
        hyper = self.optimizer.hyper(state.step)
        net, scalars = descend(
            self.model_loss,
            state.nets["model"],
            self.optimizer,
            self.pair(batch, keys, trim=True),
            key,
            hyper=hyper,
            ema_decay=self.averaging.decay_at(state.step),
            microbatches=self.microbatches,
            axis_name=self.axis_name,
        )
        return dataclasses.replace(state, step=state.step + 1, nets={"model": net}), {
            **scalars,
            "learning_rate": hyper["learning_rate"],
        }

    def model_loss(
        self, params, stats, batch: Mapping[str, Array], key: Array
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """The loss of one network on a pair, with its new stats."""
        answer, stats = self.model.apply(
            {"params": params, **stats},
            batch["input"],
            train=True,
            mutable=list(stats),
            rngs={"dropout": key},
        )
        return self.loss(answer, batch["target"]), (stats, {})

    def predict(
        self, state: TrainState, batch: Batch, key: Array | None = None
    ) -> dict[str, Array]:
        """The network's answer {'output'} to {'input'}, both in model units."""
        net = state.nets["model"]
        variables = {"params": net.params, **net.stats}
        output: Any = self.model.apply(variables, batch["input"])
        return {"output": output}

    def network(
        self, state: TrainState, direction: str = ""
    ) -> tuple[nn.Module, dict[str, Any]]:
        """The finished network and its variables; state of prepare_eval."""
        check_one_way(direction)
        net = state.nets["model"]
        return self.model, {"params": net.params, **net.stats}

    def translator(self, state: TrainState, direction: str = "") -> Translator:
        """The finished network as a function of any image; state of prepare_eval."""
        return self.pair.translator(*self.network(state, direction))

    def prepare_eval(
        self, state: TrainState, batches: Iterable[Batch] = (), key: Array | None = None
    ) -> TrainState:
        """The averaged weights and statistics, where an average is kept."""
        return averaged(state, "model")

    def answers(self, state: TrainState, batch: Batch, key: Array) -> dict[str, Array]:
        """Images in [0, 1] of an evaluation's batch: input, output and target."""
        pair = self.pair(batch, evaluation_keys(key, batch["index"]))
        output = self.predict(state, pair)["output"]
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
        """Nothing: the loss that is not finite says enough."""
        return ""
