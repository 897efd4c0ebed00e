"""Image classification: one network, one label per image."""

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
from resnet_jax.losses.classification import (
    class_targets,
    cross_entropy_loss,
    l1_penalty,
)
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.accuracy import accuracy
from resnet_jax.metrics.calibration import calibration
from resnet_jax.metrics.confusion import confusion, mistakes
from resnet_jax.metrics.ranking import ranking
from resnet_jax.optim import Optimizer
from resnet_jax.parallel import rows, whole
from resnet_jax.state import TrainState, descend, init_net
from resnet_jax.tasks.base import Batch, averaged, pixels
from resnet_jax.tasks.classification_figures import classification_figures
from resnet_jax.tasks.distillation import Distillation
from resnet_jax.tasks.mixing import Mixing


@dataclasses.dataclass(frozen=True)
class Classification:
    """One network that learns the labels of images.

    Attributes:
        model: images [B, H, W, C] in model units -> logits [B, num_classes].
        optimizer: what updates it.
        num_classes: K.
        class_names: K names, for people.
        mean, std: of the pixels, per channel, in [0, 1] units.
        loss: logits and target probabilities -> scalar.
        label_smoothing: in [0, 1).
        mixing: mixup and cutmix.
        averaging: of the weights, for evaluation.
        l1: factor of the sum of the kernels' absolute values.
        distillation: a teacher in place of the labels, or beside them.
        flip_tta: evaluation averages the logits of an image and its mirror image.
        microbatches: parts over which a step's gradient is accumulated.
        axis_name: the device axis under pmap.
    """

    model: nn.Module
    optimizer: Optimizer
    num_classes: int
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    loss: Callable[[Array, Array], Array] = cross_entropy_loss
    label_smoothing: float = 0.0
    mixing: Mixing = dataclasses.field(default_factory=Mixing)
    averaging: Averaging = dataclasses.field(default_factory=Averaging)
    l1: float = 0.0
    distillation: Distillation | None = None
    flip_tta: bool = False
    microbatches: int = 1
    axis_name: str | None = None

    needs: ClassVar[tuple[str, ...]] = ("image", "label")
    draws: ClassVar[int] = 1
    counts: ClassVar[int] = 1

    def __post_init__(self):
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(
                f"task.label_smoothing is {self.label_smoothing}; expected 0 <= "
                "label_smoothing < 1."
            )
        if self.l1 < 0:
            raise ValueError(f"task.l1 is {self.l1}; expected 0 (off) or more.")

    @property
    def metrics(self) -> dict[str, Accumulator]:
        """Accuracy and loss, calibration, the confusion matrix, the worst mistakes."""
        return {
            "accuracy": accuracy(self.num_classes),
            "calibration": calibration(self.num_classes),
            "confusion": confusion(self.num_classes),
            "mistakes": mistakes(),
        }

    def init(
        self, key: Array, batch: Batch, start: Mapping | None = None
    ) -> TrainState:
        """The state at step 0; start['model'] = {'params', 'stats'} to begin from."""
        image = pixels(batch["image"][:1], self.mean, self.std)
        variables = self.model.init(key, image)
        begin = (start or {}).get("model")
        net = init_net(variables, self.optimizer, ema=bool(self.averaging), start=begin)
        return TrainState(step=jnp.zeros((), jnp.int32), nets={"model": net})

    def train_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """One optimizer update; scalars: loss, accuracy, learning_rate, gradient_norm.

        The training accuracy is that of the mixed images where mixing is on. A teacher
        is state.frozen['teacher'].
        """
        mix_key, loss_key = jax.random.split(key)
        hyper = self.optimizer.hyper(state.step)
        inputs = self.inputs(batch, mix_key, (state.frozen or {}).get("teacher"))
        net, scalars = descend(
            self.model_loss,
            state.nets["model"],
            self.optimizer,
            inputs,
            loss_key,
            hyper=hyper,
            ema_decay=self.averaging.decay_at(state.step),
            microbatches=self.microbatches,
            axis_name=self.axis_name,
        )
        return dataclasses.replace(state, step=state.step + 1, nets={"model": net}), {
            **scalars,
            "learning_rate": hyper["learning_rate"],
        }

    def inputs(
        self, batch: Batch, key: Array, teacher: Mapping | None = None
    ) -> dict[str, Array]:
        """What training sees: image in model units, target and teacher's logits.

        Raises:
            ValueError: the task has a teacher, and its variables are not given.
        """
        image = pixels(batch["image"], self.mean, self.std)
        target = class_targets(batch["label"], self.num_classes, self.label_smoothing)
        if self.mixing:
            # Partners come from the whole batch, whichever device holds them.
            image, target = whole(image, self.axis_name), whole(target, self.axis_name)
            image, target = self.mixing(key, image, target)
            image, target = rows(image, self.axis_name), rows(target, self.axis_name)
        inputs = {"image": image, "target": target}
        if self.distillation is not None:
            answers = self.distillation.answers(teacher, image, self.mean, self.std)
            inputs["teacher"] = answers
        return inputs

    def model_loss(
        self, params, stats, batch: dict[str, Array], key: Array
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """The loss of one network on `inputs`, with its new stats and its accuracy."""
        logits, stats = self.model.apply(
            {"params": params, **stats},
            batch["image"],
            train=True,
            mutable=list(stats),
            rngs={"dropout": key},
        )
        target = batch["target"]
        loss = self.loss(logits, target)
        if self.distillation is not None:
            loss = self.distillation.loss(logits, batch["teacher"], loss)
        if self.l1:
            loss += self.l1 * l1_penalty(params)
        counted = target.sum(-1) > 0
        right = (logits.argmax(-1) == target.argmax(-1)) & counted
        scalars = {"accuracy": right.sum() / jnp.maximum(counted.sum(), 1)}
        return loss, (stats, scalars)

    def predict(
        self,
        state: TrainState,
        batch: Batch,
        key: Array | None = None,
        *,
        tta: bool | None = None,
    ) -> dict[str, Array]:
        """Logits and probabilities [B, K], float32, of stored images.

        tta averages the logits of image and mirror image; None as the task says.
        """
        net = state.nets["model"]
        image = pixels(batch["image"], self.mean, self.std)
        apply: Any = partial(self.model.apply, {"params": net.params, **net.stats})
        logits = apply(image)
        if self.flip_tta if tta is None else tta:
            logits = (logits + apply(image[:, :, ::-1])) / 2
        return {"logits": logits, "probabilities": jax.nn.softmax(logits)}

    def prepare_eval(
        self, state: TrainState, batches: Iterable[Batch] = (), key: Array | None = None
    ) -> TrainState:
        """The averaged weights and statistics, where an average is kept."""
        return averaged(state, "model")

    def eval_step(
        self, state: TrainState, batch: Batch, key: Array | None = None
    ) -> dict[str, Array]:
        """Per example: index, label, and what metrics.ranking says of its logits."""
        logits = self.predict(state, batch)["logits"]
        label = batch["label"]
        return {"index": batch["index"], "label": label, **ranking(logits, label)}

    def show(
        self, state: TrainState, batch: Batch, key: Array | None = None
    ) -> dict[str, Array]:
        """Nothing: what a classifier says is in the figures."""
        return {}

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': what accuracy sums up to, and 'calibration_error'."""
        values: dict[str, float] = {}
        for name, sums in evals.items():
            found = self.metrics["accuracy"].summary(sums["accuracy"])
            sure = self.metrics["calibration"].summary(sums["calibration"])
            found["calibration_error"] = sure["calibration_error"]
            values |= {f"{name}/{metric}": value for metric, value in found.items()}
        return values

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """Confusion matrix, calibration, each class, most confident mistakes."""
        return classification_figures(evals, self.class_names)

    def alarm(self, scalars: Mapping[str, float]) -> str:
        """Nothing: the loss that is not finite says enough."""
        return ""
