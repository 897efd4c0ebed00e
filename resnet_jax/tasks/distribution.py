"""How far all restored images of an evaluation are from all of their targets."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from resnet_jax.features import FeatureNetwork, Pixels, check_loaded
from resnet_jax.lookup import check_arguments
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.generation import generation_metrics


@dataclasses.dataclass(frozen=True)
class Distribution:
    """A config's `features` section of a task whose answers have targets.

    Unlike PSNR these distances, FID among them, do not see which answer belongs to
    which target; pix2pix is compared by them.

    Attributes:
        network: images uint8 to features [B, D] and, but for Pixels, logits [B, K].
        measures: names in metrics.generation.METRICS.

    Raises:
        ValueError: a measure is unknown, or asks for more than the network gives.
    """

    network: FeatureNetwork | Pixels = dataclasses.field(default_factory=Pixels)
    measures: tuple[str, ...] = ("frechet",)

    def __post_init__(self):
        if not self.measures:
            raise ValueError(
                "features.measures is empty; expected measures such as 'frechet', or "
                "remove config.features."
            )
        generation_metrics(self.measures)
        if "classifier" in self.measures and isinstance(self.network, Pixels):
            raise ValueError(
                "features.measures has 'classifier', which needs a classifier: name a "
                "run of one, or weights, in features.source."
            )

    @property
    def metrics(self) -> dict[str, Accumulator]:
        """The accumulators by name."""
        return generation_metrics(self.measures)

    def rows(self, variables: Any, output: Array, target: Array) -> dict[str, Array]:
        """What the network says of each example's images.

        Args:
            variables: of the network.
            output, target: [B, H, W, C] of the values 0, 1 ... 255.

        Raises:
            ValueError: the network's variables are not given.
        """
        check_loaded(self.network, variables)
        made, real = (
            self.network(variables, x.astype(jnp.uint8)) for x in (output, target)
        )
        rows = {f"fake_{name}": values for name, values in made.items()}
        return {**rows, "real_features": real["features"]}

    def summary(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """The distances of an evaluation, under the names that papers use."""
        found: dict[str, float] = {}
        for name, metric in self.metrics.items():
            found |= self.network.named(metric.summary(sums[name]))
        return found

    @property
    def sentence(self) -> str:
        """How they are measured."""
        return (
            f"{' and '.join(self.measures)}: between all answers and all targets, in "
            f"the features of {self.network.name} (resize {self.network.resize})."
        )


def distribution(section: Mapping | None) -> Distribution | None:
    """The distances of a config's section; None without one, or without its network.

    Raises:
        ValueError: a field is unknown or out of range.
    """
    if section is None:
        return None
    fields = dict(section)
    source = fields.pop("source", None)
    check_arguments(Distribution, fields, "features")
    if source and not fields.get("network"):
        return None
    return Distribution(**fields)
