"""How close images are to what they should be."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from resnet_jax.figures import Figure, Table
from resnet_jax.lookup import suggest
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.image_quality import PROTOCOLS, image_quality, stored_levels
from resnet_jax.metrics.means import means

# How much an error is magnified to be seen.
MAGNIFIED = 4
# Side of what is painted of a large image.
PAINTED = 160


@dataclasses.dataclass(frozen=True)
class Fidelity:
    """PSNR and SSIM of 8-bit images, means over images.

    Attributes:
        protocol: 'rgb' (all channels) or 'y' (luma of color images), see image_quality.
        crop: pixels at each border that do not count; the scale in super-resolution.

    Raises:
        ValueError: there is no such protocol, or crop is negative.
    """

    protocol: str = "rgb"
    crop: int = 0

    def __post_init__(self):
        if self.protocol not in PROTOCOLS:
            raise ValueError(
                f"task.protocol is '{self.protocol}'. "
                + suggest(self.protocol, PROTOCOLS)
            )
        if self.crop < 0:
            raise ValueError(f"task.crop is {self.crop}; expected 0 or more.")

    @property
    def metrics(self) -> Mapping[str, Accumulator]:
        """The means by name; `input_` are those of what one has without a network."""
        return {"fidelity": means("psnr", "ssim", "input_psnr", "input_ssim")}

    def rows(
        self, input: Array, output: Array, target: Array, grey: Array | None = None
    ) -> dict[str, Array]:
        """psnr in dB, ssim, and those of the input, one per example.

        Args:
            input, output, target: [B, H, W, C] in [0, 1]; rounded to 8 bits first.
            grey: see image_quality.
        """
        real = stored_levels(target)
        rows: dict[str, Array] = {}
        for name, image in (("", output), ("input_", input)):
            found = image_quality(
                stored_levels(image),
                real,
                protocol=self.protocol,
                crop=self.crop,
                grey=grey,
            )
            rows |= {f"{name}{measure}": value for measure, value in found.items()}
        return rows

    def columns(
        self, input: Array, output: Array, target: Array, grey: Array | None = None
    ) -> dict[str, Array]:
        """What is painted of each example: the images, the error, and both PSNRs.

        Of large images their middle is painted; the numbers are of all of them.
        """
        rows = self.rows(input, output, target, grey)
        error = jnp.clip(MAGNIFIED * jnp.abs(output - target), 0, 1)
        images = {"input": input, "output": output, "target": target}
        images[f"error x {MAGNIFIED}"] = error
        return {
            **{name: _middle(image) for name, image in images.items()},
            "PSNR": rows["psnr"],
            "of the input": rows["input_psnr"],
        }

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': psnr, ssim, input_psnr, input_ssim, examples."""
        return {
            f"{name}/{metric}": value
            for name, sums in evals.items()
            for metric, value in self.metrics["fidelity"]
            .summary(sums["fidelity"])
            .items()
        }

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """How the numbers were measured."""
        rows = tuple(
            (name, int(sums["fidelity"]["examples"]), self.protocol, self.crop)
            for name, sums in evals.items()
        )
        return {"protocol": Table(("evaluation", "images", "channels", "crop"), rows)}


def _middle(images: Array) -> Array:
    """At most PAINTED x PAINTED pixels about the middle of images [B, H, W, C]."""
    top, left = (max(side - PAINTED, 0) // 2 for side in images.shape[1:3])
    return images[:, top : top + PAINTED, left : left + PAINTED]
