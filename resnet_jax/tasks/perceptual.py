"""A perceptual loss: answers are to have the features of their targets."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
from jax import Array

from resnet_jax.lookup import check_arguments, suggest
from resnet_jax.losses.perceptual import feature_loss, style_loss
from resnet_jax.losses.reconstruction import LOSSES
from resnet_jax.metrics.lpips import scale_images


@dataclasses.dataclass(frozen=True)
class Perceptual:
    """A config's `perceptual` section; weights are the state's frozen['perceptual'].

    Attributes:
        source: where the network comes from: 'vgg19', 'vgg16' or 'alexnet', whose files
            are looked for, or a file of torchvision's weights of one of them.
        layers: that are compared, such as 'conv5_4' (before its ReLU, ESRGAN) or
            'relu5_4' (behind it, SRGAN).
        weights: of the loss in each layer.
        distance: of features, a name in reconstruction.LOSSES.
        style: weight of the loss of Gram matrices, beside those of the layers; 0: none.
        network: images in ImageNet's units to maps by layer; None where the network is
            only looked at.

    Raises:
        ValueError: a value is out of range, or there is no such layer.
    """

    source: str
    layers: tuple[str, ...] = ("conv5_4",)
    weights: tuple[float, ...] = (1.0,)
    distance: str = "l1"
    style: float = 0.0
    network: nn.Module | None = None

    def __post_init__(self):
        if not self.layers or len(self.layers) != len(self.weights):
            raise ValueError(
                f"perceptual.layers is {self.layers} and perceptual.weights "
                f"{self.weights}; expected layers, and a weight for each."
            )
        if min(*self.weights, self.style, 0) < 0:
            raise ValueError(
                f"perceptual.weights is {self.weights} and perceptual.style "
                f"{self.style}; expected 0 or more."
            )
        if self.distance not in LOSSES:
            raise ValueError(
                f"perceptual.distance is '{self.distance}'. "
                + suggest(self.distance, LOSSES)
            )
        network: Any = self.network
        if network is not None:
            network.check(self.layers)

    def loss(self, variables: Any, image: Array, target: Array) -> Array:
        """The weighted sum over layers, a scalar.

        Args:
            variables: of the network.
            image, target: [B, H, W, C] in [0, 1], not clipped; one channel is repeated
                for a network that takes color.

        Raises:
            ValueError: the network or its variables are not given.
        """
        if self.network is None or variables is None:
            raise ValueError(
                f"the network of perceptual '{self.source}' is not loaded; train with "
                "`resnet-jax train`, or put its variables into "
                "state.frozen['perceptual']."
            )
        found = self.features(variables, image)
        wanted = jax.lax.stop_gradient(self.features(variables, target))
        loss = feature_loss(found, wanted, self.weights, LOSSES[self.distance])
        if self.style:
            loss += self.style * style_loss(found, wanted, self.weights)
        return loss

    def features(self, variables: Any, image: Array) -> list[Array]:
        """Of images in [0, 1], by layer."""
        network: Any = self.network
        maps = network.apply(variables, imagenet_units(image), taps=self.layers)
        return list(maps.values())


def imagenet_units(image: Array) -> Array:
    """Images [B, H, W, 1 or 3] in [0, 1], in the units of torchvision's networks."""
    color = image.repeat(3, -1) if image.shape[-1] == 1 else image
    return scale_images(2 * color - 1)


def check_channels(channels: int, what: str) -> None:
    """Raises ValueError where images are none that such networks take."""
    if channels not in (1, 3):
        raise ValueError(
            f"{what} compares images of 1 or 3 channels, and targets have {channels}; "
            f"remove config.{what}."
        )


def perceptual_loss(section: Mapping | None, channels: int) -> Perceptual | None:
    """The loss of a config's section, `network` in it where it was loaded.

    Raises:
        ValueError: a field is unknown or out of range, or images do not fit.
    """
    if section is None:
        return None
    check_arguments(Perceptual, section, "perceptual")
    check_channels(channels, "perceptual")
    return Perceptual(**section)
