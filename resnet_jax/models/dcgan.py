"""DCGAN: transposed convolutions against strided ones."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.models.inputs import Inputs, image_inputs, latent_inputs
from resnet_jax.models.pyramid import (
    check_images,
    check_labels,
    doublings,
    widths,
)
from resnet_jax.nn.conditional import LabelNorm
from resnet_jax.nn.initialization import normal_002, scale_002
from resnet_jax.nn.normalization import BatchNorm, normalization
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened
from resnet_jax.nn.spectral import layers
from resnet_jax.nn.transposed import TransposedConv


def doubled(width: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    """Channels from the smallest feature map to the largest.

    A number is the largest map's, doubled from each to the next smaller one, up to
    eight times itself.
    """
    if isinstance(width, int):
        width = tuple(width * min(2**i, 8) for i in reversed(range(count)))
    return widths(width, count)


class DCGANGenerator(nn.Module):
    """Linear map, then transposed 4x4 convolutions with norm and ReLU between them.

    Radford et al. 2015, arXiv:1511.06434, figure 1, as in PyTorch's example: no biases,
    kernels N(0, 0.02), scales N(1, 0.02). Maps latents [B, latent_size] to images
    [B, resolution, resolution, channels] in [-1, 1], at least float32. Labels, int [B],
    are needed where there are classes, whose norms then have tables of scales and
    biases; they are ignored where not.

    Args:
        resolution: side of the images, `bottom` times a power of two.
        bottom: side of the first feature map.
        channels: of the images.
        num_classes: 0 for an unconditional network.
        latent_size: length of the latents.
        width: channels of each feature map, smallest map first, or of the largest: see
            `doubled`.
        hidden: outputs of fully connected layers with norm and ReLU that the latents
            go through first.
        norm: config section, name or constructor.
        axis_name: the mapped axis under pmap.
        dtype: what all compute in, or its name; params and statistics stay float32
            (float64 for such a dtype).

    Raises:
        ValueError: a name is unknown, or settings contradict each other.
    """

    resolution: int = 64
    bottom: int = 4
    channels: int = 3
    num_classes: int = 0
    latent_size: int = 100
    width: int | tuple[int, ...] = 64
    hidden: tuple[int, ...] = ()
    norm: Mapping | str | Callable = "batch"
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        normalization(self.norm, dtype=compute_dtype(self.dtype))
        doubled(self.width, self.stages)

    @nn.compact
    def __call__(
        self, latents: jax.Array, labels: jax.Array | None = None, train: bool = False
    ) -> jax.Array:
        """Latents [B, latent_size] and labels int [B] to images in [-1, 1]."""
        check_labels(labels, self.num_classes, "generator")
        dtype = compute_dtype(self.dtype)
        given = {"kernel_init": normal_002, "dtype": dtype, "use_bias": False}
        _, dense, _ = layers(False, train, 0.0, **given)
        conv = partial(TransposedConv, kernel_size=4, strides=2, **given)
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        norm = partial(LabelNorm, self.num_classes, norm, dtype, scale_002)
        x = latents
        for i, features in enumerate(self.hidden, 1):
            x = dense(features, name=f"fc{i}")(x)
            x = nn.relu(norm(name=f"fc_bn{i}")(x, labels, train))
        x = dense(self.bottom**2 * self.widths[0], name="linear")(x)
        x = x.reshape(len(x), self.bottom, self.bottom, -1)
        for i, features in enumerate((*self.widths[1:], self.channels), 1):
            x = nn.relu(norm(name=f"bn{i}")(x, labels, train))
            x = conv(features=features, name=f"conv{i}")(x)
        return jnp.tanh(x.astype(at_least_float32(x.dtype)))

    @property
    def stages(self) -> int:
        """The number of feature maps."""
        return doublings("generator", self.resolution, self.bottom, least=1)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each feature map, the smallest first."""
        return doubled(self.width, self.stages)

    @property
    def inputs(self) -> Inputs:
        """A batch of one of latents, and of labels where there are classes."""
        return latent_inputs(self.latent_size, self.num_classes)


class DCGANDiscriminator(nn.Module):
    """4x4 convolutions of stride 2 with norm and leaky ReLU, then one over all that is
    left.

    Radford et al. 2015, arXiv:1511.06434, as in PyTorch's example: no biases, no norm
    behind the first and the last convolution, slope 0.2, kernels N(0, 0.02), scales
    N(1, 0.02). With classes the logit also has the product of an embedding of the label
    with the sum over the positions (projection: Miyato and Koyama 2018,
    arXiv:1802.05637). Maps images in [-1, 1] to logits [B], at least float32.

    Args:
        resolution, bottom, channels, num_classes, width, norm, axis_name, dtype: as in
            DCGANGenerator; `bottom` is the side of the last feature map.
        spectral: all kernels spectrally normalized (SN-DCGAN, with norm='none').
        epsilon: of spectral normalization.

    Raises:
        ValueError: a name is unknown, or settings contradict each other.
    """

    resolution: int = 64
    bottom: int = 4
    channels: int = 3
    num_classes: int = 0
    width: int | tuple[int, ...] = 64
    spectral: bool = False
    epsilon: float = 1e-12
    norm: Mapping | str | Callable = "batch"
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        normalization(self.norm, dtype=compute_dtype(self.dtype))
        doubled(self.width, self.stages)

    @nn.compact
    def __call__(
        self, images: jax.Array, labels: jax.Array | None = None, train: bool = False
    ) -> jax.Array:
        """Images and labels int [B] to logits [B]; train advances spectral vectors."""
        check_images(images, self.resolution, self.channels)
        check_labels(labels, self.num_classes, "discriminator")
        dtype = compute_dtype(self.dtype)
        given = {"kernel_init": normal_002, "dtype": widened(dtype)}
        kinds = layers(self.spectral, train, self.epsilon, **given)
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        norm = partial(norm, scale_init=scale_002)
        x = images
        for i, features in enumerate(reversed(self.widths), 1):
            conv = partial(kinds.conv, strides=2, padding=1, dtype=dtype)
            x = conv(features=features, kernel_size=4, name=f"conv{i}")(x)
            x = x if i == 1 else norm(name=f"bn{i}")(x, train)
            x = nn.leaky_relu(x, 0.2)
        x = x.astype(at_least_float32(x.dtype))
        head = kinds.conv(1, self.bottom, padding=0, name="head")
        logits = head(x)[:, 0, 0, 0]
        if self.num_classes:
            rows = kinds.embed(self.num_classes, x.shape[-1], name="embed")(labels)
            logits += (rows * x.sum((1, 2))).sum(-1)
        return logits

    @property
    def stages(self) -> int:
        """The number of feature maps."""
        return doublings("discriminator", self.resolution, self.bottom, least=1)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each feature map, the smallest first."""
        return doubled(self.width, self.stages)

    @property
    def mixes_examples(self) -> bool:
        """Whether a logit depends on the other examples: with batch norm."""
        return getattr(normalization(self.norm), "func", self.norm) is BatchNorm

    @property
    def inputs(self) -> Inputs:
        """A batch of one of images, and of labels where there are classes."""
        side = self.resolution
        return image_inputs(side, side, self.channels, self.num_classes)


DCGANS: dict[str, Callable] = {
    "dcgan_generator": DCGANGenerator,
    "dcgan_discriminator": DCGANDiscriminator,
}
