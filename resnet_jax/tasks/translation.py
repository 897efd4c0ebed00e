"""What is measured of images that were taken from one domain to another."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from resnet_jax.features import FeatureNetwork, Pixels, check_loaded
from resnet_jax.figures import Figure, Table
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.generation import generation_metrics
from resnet_jax.metrics.means import means


@dataclasses.dataclass(frozen=True)
class Translation:
    """The cycle's error, and distances of translations to the images of their domain.

    An evaluation has images of one domain. What is made of those of another evaluation,
    of the other domain, is compared with them.

    Attributes:
        network: images uint8 to features [B, D] and, but for Pixels, logits [B, K].
        measures: names in metrics.generation.METRICS.
        classes: the classes of the network that domain a and b are; () where it has
            none for them.
        returns: whether there is a way back; without one nothing is made into domain a.

    Raises:
        ValueError: a measure is unknown, or asks for more than the network gives.
    """

    network: FeatureNetwork | Pixels = dataclasses.field(default_factory=Pixels)
    measures: tuple[str, ...] = ("frechet",)
    classes: tuple[int, ...] = ()
    returns: bool = True

    def __post_init__(self):
        generation_metrics(self.measures or ("frechet",))
        if "classifier" in self.measures:
            raise ValueError(
                "features.measures has 'classifier', the score of images of many "
                "classes; a domain is one: take 'frechet' or 'kernel'."
            )
        if self.classes and (len(self.classes) != 2 or min(self.classes) < 0):
            raise ValueError(
                f"features.classes is {self.classes}; expected the numbers of two "
                "classes of the feature network, of domain a and of domain b."
            )

    @property
    def metrics(self) -> dict[str, Accumulator]:
        """The accumulators by name."""
        measures = generation_metrics(self.measures) if self.measures else {}
        return {"means": means("is_b", *self.counted), **measures}

    @property
    def counted(self) -> tuple[str, ...]:
        """Names of what each example has its own number of."""
        shares = ("class_share", "real_class_share") if self.classes else ()
        return ("cycle_error", *shares) if self.returns else shares

    def rows(
        self,
        variables: Any,
        name: str,
        image: Array,
        there: Array | None = None,
        back: Array | None = None,
    ) -> dict[str, Array]:
        """Per example, of images as stored, uint8 [B, H, W, C].

        Args:
            variables: of the network.
            name: 'a' or 'b', the images' domain.
            image: of it.
            there: what was made of it, where there is a way.
            back: what came back, where there is one.

        Raises:
            ValueError: the network's variables are not given.
        """
        check_loaded(self.network, variables)
        unknown = jnp.full(len(image), jnp.nan)
        rows = {"is_b": jnp.full(len(image), float(name == "b"))}
        rows |= dict.fromkeys(self.counted, unknown)
        if back is not None:
            error = jnp.abs(back.astype(jnp.float32) - image)
            rows["cycle_error"] = error.mean((1, 2, 3)) / 255
        own, other = self.classes or (None, None)
        own, other = (own, other) if name == "a" else (other, own)
        for images, side, right, wanted in (
            (image, "real", "real_class_share", own),
            (there, "fake", "class_share", other),
        ):
            if images is None:
                continue
            found = self.network(variables, images)
            rows[f"{side}_features"] = found["features"]
            if wanted is not None:
                hit = found["logits"].argmax(-1) == wanted
                rows[right] = hit.astype(jnp.float32)
        return rows

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': of its images, and of those translated into its domain.

        'cycle_error' is the mean absolute difference in [0, 1]; 'untranslated_' goes
        before distances of the other domain's images as they were; 'class_share' is
        the part of its images' translations that the network takes for their new
        domain, and 'real_class_share' that of the images for their own.
        """
        values: dict[str, float] = {}
        for name, sums in evals.items():
            found = self.metrics["means"].summary(sums["means"])
            domain = found.pop("is_b")
            others = [
                other
                for other in evals.values()
                if float(self.metrics["means"].summary(other["means"])["is_b"])
                == 1 - domain
            ]
            for key in self.measures:
                metric = self.metrics[key]
                none = metric.empty()
                other = others[0][key] if others else none
                for prefix, side in (("", "fake"), ("untranslated_", "real")):
                    if side == "fake" and domain == 0 and not self.returns:
                        continue
                    crossed = {"real": sums[key]["real"], "fake": other[side]}
                    measured = self.network.named(metric.summary(crossed))
                    found |= {f"{prefix}{k}": v for k, v in measured.items()}
            values |= {f"{name}/{metric}": value for metric, value in found.items()}
        return values

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """How the numbers were measured."""
        rows = []
        for name, sums in evals.items():
            found = self.metrics["means"].summary(sums["means"])
            domain = "?" if np.isnan(found["is_b"]) else "ab"[int(found["is_b"])]
            images = int(found["examples"])
            rows.append((name, domain, images, self.network.name, self.network.resize))
        columns = ("evaluation", "domain", "images", "features", "resize")
        return {"protocol": Table(columns, tuple(rows))}
