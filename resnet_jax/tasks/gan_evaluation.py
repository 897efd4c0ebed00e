"""What is measured of a generator's images, beside real ones."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from resnet_jax.features import FeatureNetwork, Pixels, check_loaded
from resnet_jax.figures import Figure, Table
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.generation import generation_metrics
from resnet_jax.metrics.means import means


@dataclasses.dataclass(frozen=True)
class GanEvaluation:
    """Scores of the discriminator, and distances in a network's features.

    Attributes:
        network: images uint8 to features [B, D] and, but for Pixels, logits [B, K].
        measures: names in metrics.generation.METRICS; () for scores alone.
        num_classes: of the labels, where the network tells the same classes apart, so
            that it can judge whether an image is of its class; else 0.

    Raises:
        ValueError: a measure is unknown, or asks for more than the network gives.
    """

    network: FeatureNetwork | Pixels = dataclasses.field(default_factory=Pixels)
    measures: tuple[str, ...] = ("frechet",)
    num_classes: int = 0

    def __post_init__(self):
        generation_metrics(self.measures or ("frechet",))
        if "classifier" in self.measures and isinstance(self.network, Pixels):
            raise ValueError(
                "features.measures has 'classifier', which needs a classifier: name a "
                "run of one, or weights, in features.source."
            )

    @property
    def metrics(self) -> dict[str, Accumulator]:
        """The accumulators by name."""
        right = ("right",) if self.num_classes else ()
        scores = means("real_score", "fake_score", *right)
        measures = generation_metrics(self.measures) if self.measures else {}
        return {"scores": scores, **measures}

    def rows(
        self, variables: Any, real: Array, fake: Array, label: Array | None
    ) -> dict[str, Array]:
        """What the network says of images as stored, one row per example.

        Args:
            variables: of the network.
            real, fake: uint8 [B, H, W, C].
            label: of both, [B]; None where images are of no class.

        Raises:
            ValueError: the network's variables are not given.
        """
        check_loaded(self.network, variables)
        of_real, of_fake = (self.network(variables, image) for image in (real, fake))
        rows = {f"fake_{name}": values for name, values in of_fake.items()}
        rows["real_features"] = of_real["features"]
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
                found |= self.network.named(metric.summary(sums[key]))
            if "right" in found:
                found["class_accuracy"] = found.pop("right")
            first = found["real_score"] if first is None else first
            if len(evals) > 1:
                found["overfitting"] = first - found["real_score"]
            values |= {f"{name}/{metric}": value for metric, value in found.items()}
        return values

    def figures(
        self, evals: Mapping[str, Mapping[str, Any]], side: int
    ) -> dict[str, Figure]:
        """How the numbers were measured, of square images of a side."""
        network, size = self.network, (side, side)
        rows = tuple(
            (
                name,
                int(sums["scores"]["examples"]),
                network.name,
                network.resize_of(size),
            )
            for name, sums in evals.items()
        )
        columns = ("evaluation", "images of each side", "features", "resize")
        return {"protocol": Table(columns, rows)}
