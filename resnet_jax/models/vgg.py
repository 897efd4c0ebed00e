"""Feature networks of perceptual losses and of LPIPS: VGG and AlexNet."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax

from resnet_jax.lookup import suggest
from resnet_jax.models.inputs import Inputs, image_inputs
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.precision import compute_dtype
from resnet_jax.nn.resampling import max_pool

# (name, features, kernel, strides, padding) of a convolution with ReLU, or
# (name, window, strides) of a pooling.
Layer = tuple


class FeatureNetwork(nn.Module):
    """Convolutions with bias and ReLU, and pooling: torchvision's `features`.

    Simonyan and Zisserman 2014, arXiv:1409.1556; Krizhevsky 2014, arXiv:1404.5997.
    Convolutions are numbered as torchvision numbers all layers, and drawn as in its
    VGG. Maps images [B, H, W, 3], less ImageNet's mean and over its deviation, to maps
    by the names of their layers: 'conv5_4' before and 'relu5_4' behind the activation,
    'pool5'. ESRGAN takes conv5_4 of VGG-19, SRGAN relu5_4; LPIPS the `taps` of VGG-16
    and AlexNet.

    Args:
        layers: from the input on.
        taps: names of the layers whose maps are asked for where the call names none.
        channels: of the images.
        dtype: what convolutions compute in, or its name; None takes the promoted type
            of images and params.

    Raises:
        ValueError: there is no such layer, or the images are too small.
    """

    layers: tuple[Layer, ...]
    taps: tuple[str, ...]
    channels: int = 3
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        compute_dtype(self.dtype)

    @nn.compact
    def __call__(
        self, images: jax.Array, taps: Sequence[str] | None = None, train: bool = False
    ) -> dict[str, jax.Array]:
        """Computes as far as the last of the taps; the same in training."""
        wanted = tuple(self.taps if taps is None else taps)
        self.check(wanted)
        given = {"use_bias": True, "dtype": compute_dtype(self.dtype)}
        found: dict[str, jax.Array] = {}
        x, number = images, 0
        for name, *fields in self.layers:
            if not self.is_initializing() and found.keys() >= set(wanted):
                break
            if name.startswith("pool"):
                x = found[name] = self.pool(x, *fields)
                number += 1
                continue
            features, size, strides, padding = fields
            conv: Callable = partial(Conv, name=f"features_{number}", **given)
            x = found[name] = conv(features, size, strides, padding)(x)
            x = found[name.replace("conv", "relu")] = nn.relu(x)
            number += 2
        return {name: found[name] for name in wanted}

    def check(self, wanted: Sequence[str]) -> None:
        """Refuses names of layers that there are not."""
        convs = [name for name, *_ in self.layers]
        known = {*convs, *(name.replace("conv", "relu") for name in convs)}
        for name in wanted:
            if name not in known:
                raise ValueError(f"unknown layer '{name}'. {suggest(name, known)}")

    def pool(self, x: jax.Array, window: int, strides: int) -> jax.Array:
        """The largest value of each window."""
        if min(x.shape[1:3]) < window:
            raise ValueError(
                "the images are too small for these layers of a feature network: take"
                " larger ones, or layers before."
            )
        return max_pool(x, window, strides)

    @property
    def inputs(self) -> Inputs:
        """A batch of one image of ImageNet's usual size."""
        return image_inputs(224, 224, self.channels)


def vgg(counts: Sequence[int], widths: Sequence[int]) -> tuple[Layer, ...]:
    """The layers of a VGG: counts of 3x3 convolutions and their channels, by stage."""
    layers: list[Layer] = []
    for stage, (count, width) in enumerate(zip(counts, widths, strict=True), 1):
        convs = [(f"conv{stage}_{i + 1}", width, 3, 1, 1) for i in range(count)]
        layers += [*convs, (f"pool{stage}", 2, 2)]
    return tuple(layers)


VGG_WIDTHS = (64, 128, 256, 512, 512)
ALEXNET: tuple[Layer, ...] = (
    ("conv1", 64, 11, 4, 2),
    ("pool1", 3, 2),
    ("conv2", 192, 5, 1, 2),
    ("pool2", 3, 2),
    ("conv3", 384, 3, 1, 1),
    ("conv4", 256, 3, 1, 1),
    ("conv5", 256, 3, 1, 1),
    ("pool5", 3, 2),
)
FEATURE_NETWORKS: dict[str, Callable] = {
    "vgg16_features": partial(
        FeatureNetwork,
        layers=vgg((2, 2, 3, 3, 3), VGG_WIDTHS),
        taps=("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    ),
    "vgg19_features": partial(
        FeatureNetwork, layers=vgg((2, 2, 4, 4, 4), VGG_WIDTHS), taps=("conv5_4",)
    ),
    "alexnet_features": partial(
        FeatureNetwork,
        layers=ALEXNET,
        taps=("relu1", "relu2", "relu3", "relu4", "relu5"),
    ),
}
