"""How close images are to what they should be."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from resnet_jax.figures import Figure, Table
from resnet_jax.lookup import suggest
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.image_quality import (
    PEAK,
    PROTOCOLS,
    image_quality,
    psnr,
    stored_levels,
)
from resnet_jax.metrics.means import means
from resnet_jax.tasks.distribution import Distribution
from resnet_jax.tasks.lpips import Lpips
from resnet_jax.tasks.zoom import enlarged, most_detail, part, zooms

# How much an error is magnified to be seen.
MAGNIFIED = 4
# What of images the protocols compare.
COMPARED = {
    "y": "luma (Y of YCbCr)",
    "rgb": "all channels",
    "grey": "grey levels",
}
# Side of what is painted of a large image.
PAINTED = 160


@dataclasses.dataclass(frozen=True)
class Fidelity:
    """PSNR and SSIM of 8-bit images, means over images, and what else is asked for.

    Attributes:
        protocol: 'rgb' (all channels) or 'y' (luma of color images), see image_quality.
        crop: pixels at each border that do not count; the scale in super-resolution.
        beside: what inputs are called in pictures: 'bicubic' where that is how they
            come to the target's size.
        lpips: a distance that follows people's judgment, or None.
        distribution: how far answers as a set are from targets, or None.

    Raises:
        ValueError: there is no such protocol, or crop is negative.
    """

    protocol: str = "rgb"
    crop: int = 0
    beside: str = "input"
    lpips: Lpips | None = None
    distribution: Distribution | None = None

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
        measured = ["psnr", "ssim", *(["lpips"] if self.lpips else [])]
        names = [f"{side}{name}" for side in ("", "input_") for name in measured]
        others = self.distribution.metrics if self.distribution else {}
        return {"fidelity": means(*names), **others}

    def rows(
        self,
        input: Array,
        output: Array,
        target: Array,
        frozen: Any = None,
        grey: Array | None = None,
    ) -> dict[str, Array]:
        """psnr in dB, ssim and lpips, and those of the input, one per example.

        Beside them the features of the distribution.

        Args:
            input, output, target: [B, H, W, C] in [0, 1]; rounded to 8 bits first.
            frozen: a state's: variables of the networks of `lpips` and `distribution`.
            grey: see image_quality.

        Raises:
            ValueError: they are not there.
        """
        helpers, real = frozen or {}, stored_levels(target)
        rows: dict[str, Array] = {}
        for name, image in (("", output), ("input_", input)):
            found = image_quality(
                stored_levels(image),
                real,
                protocol=self.protocol,
                crop=self.crop,
                grey=grey,
            )
            if self.lpips:
                images = stored_levels(image) / PEAK, real / PEAK
                found["lpips"] = self.lpips.distance(helpers.get("lpips"), *images)
            rows |= {f"{name}{measure}": value for measure, value in found.items()}
        if self.distribution:
            stored = stored_levels(output), real
            rows |= self.distribution.rows(helpers.get("features"), *stored)
        return rows

    def psnr(
        self,
        image: Array,
        target: Array,
        crop: int = 0,
        grey: Array | None = None,
    ) -> Array:
        """dB [B] of images in [0, 1], as files of 8 bits would hold them."""
        see = PROTOCOLS[self.protocol]
        a, b = (see(stored_levels(x), grey) for x in (image, target))
        return psnr(a, b, crop=crop)

    def columns(
        self, input: Array, output: Array, target: Array, grey: Array | None = None
    ) -> dict[str, Array]:
        """What is painted of each example: the images and the error, with their PSNR.

        Of large images the middle is painted, with the PSNR of the whole; beside it a
        part close up, where the target has most detail, with the PSNR of the part.
        """
        images = {self.beside: input, "output": output, "target": target}
        error = jnp.clip(MAGNIFIED * jnp.abs(output - target), 0, 1)
        shown = {name: _middle(image) for name, image in images.items()}
        shown[f"error x {MAGNIFIED}"] = _middle(error)
        for name in (self.beside, "output"):
            shown[f"{name} PSNR"] = self.psnr(images[name], target, self.crop, grey)
        if not zooms(target):
            return shown
        corner = most_detail(target)
        parts = {name: part(image, corner) for name, image in images.items()}
        for name, image in parts.items():
            shown[f"{name} close up"] = enlarged(image)
        for name in (self.beside, "output"):
            decibels = self.psnr(parts[name], parts["target"], grey=grey)
            shown[f"{name} close up PSNR"] = decibels
        return shown

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """By '<evaluation>/': psnr, ssim, lpips, those of the input, and examples.

        An image that is its target has no finite PSNR, and the mean is over the others:
        `figures` counts them. 'lpips' has its name with the published weights alone.
        """
        values: dict[str, float] = {}
        for name, sums in evals.items():
            found = self.metrics["fidelity"].summary(sums["fidelity"])
            if self.lpips:
                for side in ("", "input_"):
                    found[f"{side}{self.lpips.metric}"] = found.pop(f"{side}lpips")
            if self.distribution:
                found |= self.distribution.summary(sums)
            values |= {f"{name}/{metric}": value for metric, value in found.items()}
        return values

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """How the numbers were measured."""
        columns = ("evaluation", "images", "channels", "crop", "equal to their target")
        rows = tuple(
            (
                name,
                int(sums["fidelity"]["examples"]),
                self.protocol,
                self.crop,
                equal_images(sums),
            )
            for name, sums in evals.items()
        )
        return {"protocol": Table(columns, rows)}

    def sentences(self, evals: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """How the numbers of `summarize` were measured, for people."""
        border = f"without {self.crop} pixels at each border" if self.crop else "whole"
        said = [
            f"PSNR and SSIM: means over images of 8 bits, {COMPARED[self.protocol]}, "
            f"{border}."
        ]
        said += [each.sentence for each in (self.lpips, self.distribution) if each]
        for name, sums in evals.items():
            if equal := equal_images(sums):
                said.append(
                    f"{equal:,} of {int(sums['fidelity']['examples']):,} answers of "
                    f"'{name}' are equal to their target: the mean PSNR is over the "
                    "others."
                )
        return said


def equal_images(sums: Mapping[str, Any]) -> int:
    """How many answers of an evaluation are their target, of infinitely many dB."""
    fidelity = sums["fidelity"]
    return int(fidelity["examples"] - fidelity["psnr"][1])


def _middle(images: Array) -> Array:
    """At most PAINTED x PAINTED pixels about the middle of images [B, H, W, C]."""
    top, left = (max(side - PAINTED, 0) // 2 for side in images.shape[1:3])
    return images[:, top : top + PAINTED, left : left + PAINTED]
