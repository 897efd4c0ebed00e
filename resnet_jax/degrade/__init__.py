"""What is undone by restoration: on the device, of clean images, by key."""

from collections.abc import Callable, Mapping

from resnet_jax.degrade.base import Degradation
from resnet_jax.degrade.blur import Blur
from resnet_jax.degrade.chain import Chain
from resnet_jax.degrade.color import Colorless
from resnet_jax.degrade.downscale import Downscale
from resnet_jax.degrade.exposure import Exposure
from resnet_jax.degrade.jpeg import Jpeg
from resnet_jax.degrade.noise import Noise
from resnet_jax.lookup import build

__all__ = ["DEGRADATIONS", "Degradation", "Downscale", "create_degradation"]


def _chain(parts: tuple = ()) -> Chain:
    return Chain(tuple(create_degradation(part) for part in parts))


DEGRADATIONS: dict[str, Callable[..., Degradation]] = {
    "blur": Blur,
    "chain": _chain,
    "colorless": Colorless,
    "downscale": Downscale,
    "exposure": Exposure,
    "jpeg": Jpeg,
    "noise": Noise,
}


def create_degradation(section: Mapping | str) -> Degradation:
    """The degradation of a config section: a name in DEGRADATIONS with its fields.

    Raises:
        ValueError: a name or value is unknown or out of range.
    """
    return build(DEGRADATIONS, section, "degradation")
