"""What is measured of a generator's images, beside real ones."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from resnet_jax.figures import Figure, Table
from resnet_jax.lookup import suggest
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.frechet import frechet
from resnet_jax.metrics.inception_score import inception_score
from resnet_jax.metrics.kernel import kernel
from resnet_jax.metrics.means import means
from resnet_jax.metrics.prdc import precision_recall

# Of features of real and generated images, or of a classifier's answers.
MEASURES: dict[str, Callable[[], Accumulator]] = {
    "frechet": frechet,
    "kernel": kernel,
    "prdc": precision_recall,
    "classifier_score": inception_score,
}


@dataclasses.dataclass(frozen=True)
class GanEvaluation:
    """Scores of the discriminator, and distances in a feature network.

    Attributes:
        network: (variables, images uint8) -> features [B, D] and logits [B, K]; None
            where only scores are wanted.
        measures: names in MEASURES.
        num_classes: of the labels, where the network tells the same classes apart, so
            that it can judge whether an image is of its class; else 0.

    Raises:
        ValueError: a measure is unknown.
    """

    network: Any = None
    measures: tuple[str, ...] = ("frechet",)
    num_classes: int = 0

    def __post_init__(self):
        for name in self.measures:
            if name not in MEASURES:
                raise ValueError(
                    f"features.measures has '{name}'. {suggest(name, MEASURES)}"
                )

    @property
    def metrics(self) -> dict[str, Accumulator]:
        """The accumulators by name."""
        right = ("right",) if self.num_classes else ()
        found = {"scores": means("real_score", "fake_score", *right)}
        if self.network is not None:
            found |= {name: MEASURES[name]() for name in self.measures}
        return found

    def rows(
        self, variables: Any, real: Array, fake: Array, label: Array | None
    ) -> dict[str, Array]:
        """What the feature network says of images as stored, one row per example.

        Raises:
            ValueError: there is a network, and its variables are not given.
        """
        if self.network is None:
            return {}
        if variables is None:
            raise ValueError(
                "the feature network is not loaded; put its variables into "
                "state.frozen['features']."
            )
        of_real, of_fake = (self.network(variables, image) for image in (real, fake))
        rows = {
            "real_features": of_real["features"],
            "fake_features": of_fake["features"],
            "fake_logits": of_fake["logits"],
        }
        if self.num_classes:
            assert label is not None, "only images of a class can be of the right one"
            right = of_fake["logits"].argmax(-1) == label
            rows["right"] = right.astype(jnp.float32)
        return rows

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': what the metrics sum up to.

        'class_accuracy' is the share of images that the network takes for their class;
        'overfitting' how much more real the discriminator finds the real images of the
        first evaluation, such as the training split's, than those of this one.
        """
        values: dict[str, float] = {}
        first = None
        for name, sums in evals.items():
            found: dict[str, float] = {}
            for key, metric in self.metrics.items():
                found |= metric.summary(sums[key])
            if "right" in found:
                found["class_accuracy"] = found.pop("right")
            first = found["real_score"] if first is None else first
            if len(evals) > 1:
                found["overfitting"] = first - found["real_score"]
            values |= {f"{name}/{metric}": value for metric, value in found.items()}
        return values

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """How the numbers were measured."""
        if self.network is None:
            return {}
        rows = tuple(
            (name, int(sums["scores"]["examples"]), str(self.network))
            for name, sums in evals.items()
        )
        columns = ("evaluation", "real and generated images", "features")
        return {"protocol": Table(columns, rows)}
