"""LPIPS of restored images, as an evaluation measures it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
from jax import Array

from resnet_jax.lookup import check_arguments
from resnet_jax.metrics.lpips import lpips
from resnet_jax.tasks.perceptual import check_channels, imagenet_units


@dataclasses.dataclass(frozen=True)
class LpipsNetwork:
    """What images are compared in; weights come apart, and with them the heads.

    Attributes:
        name: 'alexnet', which figures are given for, or 'vgg16'.
        model: images in ImageNet's units to maps by layer.
        published: whether weights and heads are the known ones.
    """

    name: str
    model: nn.Module
    published: bool

    def __call__(self, variables: Any, image: Array, target: Array) -> Array:
        """The distance of each image from its target, float32 [B].

        Args:
            variables: {'params'} of the model, and 'heads', an array per layer.
            image, target: [B, H, W, 1 or 3] in [0, 1].
        """
        # Exact on every device, as FID's features are.
        with jax.default_matmul_precision("float32"):
            params = {"params": variables["params"]}
            made, real = (list(self._maps(params, x).values()) for x in (image, target))
            return lpips(made, real, variables["heads"])

    def _maps(self, params: Any, image: Array) -> Any:
        return self.model.apply(params, imagenet_units(image))


@dataclasses.dataclass(frozen=True)
class Lpips:
    """A config's `lpips` section; its weights are the state's frozen['lpips'].

    Attributes:
        source: of the network: 'alexnet' or 'vgg16', whose file is looked for, or a
            file of torchvision's weights of one of them.
        heads: a file of LPIPS's learned weights; '' looks for it.
        network: None where nothing is to be measured.
    """

    source: str
    heads: str = ""
    network: LpipsNetwork | None = None

    def distance(self, variables: Any, image: Array, target: Array) -> Array:
        """Of each image from its target: see LpipsNetwork.

        Raises:
            ValueError: the network or its variables are not given.
        """
        if self.network is None or variables is None:
            raise ValueError(
                f"the network of lpips '{self.source}' is not loaded; put its "
                "variables into state.frozen['lpips']."
            )
        return self.network(variables, image, target)

    @property
    def metric(self) -> str:
        """What the distance may be called: 'lpips' with the published weights alone."""
        published = self.network is not None and self.network.published
        return "lpips" if published else "feature_distance"

    @property
    def sentence(self) -> str:
        """How it is measured."""
        if self.network is None:
            return ""
        what = f"distances in the features of {self.network.name}"
        if self.network.published:
            return f"LPIPS 0.1: {what}, of whole images, RGB."
        return (
            f"feature_distance: {what} as LPIPS takes them, of whole images, RGB; its "
            "weights are not the published ones, so it is no LPIPS."
        )


def lpips_measure(section: Mapping | None, channels: int) -> Lpips | None:
    """The measure of a config's section; None without one, or without its network.

    Raises:
        ValueError: a field is unknown, or images do not fit.
    """
    if section is None:
        return None
    check_arguments(Lpips, section, "lpips")
    check_channels(channels, "lpips")
    made = Lpips(**section)
    return made if made.network else None
