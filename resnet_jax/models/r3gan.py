"""R3GAN: a generator and a discriminator without norms that mirror each other."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.lookup import check_arguments
from resnet_jax.models.inputs import Inputs, image_inputs, latent_inputs
from resnet_jax.models.pyramid import check_images, check_labels, doublings, widths
from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.dense import Dense, Embed
from resnet_jax.nn.fir import downsample_fir, upsample_fir
from resnet_jax.nn.initialization import scaled_normal
from resnet_jax.nn.inverted_bottleneck import InvertedBottleneck
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened

# Huang et al. 2025, arXiv:2501.05441, appendix D, table 9; smallest feature map first.
PRESETS: dict[str, dict[str, Any]] = {
    "cifar10": {"resolution": 32, "width": 768, "num_classes": 10},
    "ffhq64": {"resolution": 64, "width": (768,) * 4 + (384,)},
    "ffhq256": {"resolution": 256, "width": (768,) * 4 + (384, 192, 96)},
    "imagenet32": {
        "resolution": 32,
        "width": 1536,
        "group_size": 32,
        "num_classes": 1000,
    },
    "imagenet64": {
        "resolution": 64,
        "width": 1536,
        "group_size": 32,
        "num_classes": 1000,
    },
}


class R3GAN(nn.Module):
    """What generator and discriminator have in common: stages of residual blocks.

    Huang et al. 2025, arXiv:2501.05441, section 3 (config E). Between the stages the
    image is resampled smoothly, and a 1x1 convolution changes the width where needed.

    Args:
        resolution: side of the images, `bottom` times a power of two.
        bottom: side of the smallest feature map.
        channels: of the images.
        num_classes: 0 for an unconditional network.
        width: channels of each stage, smallest feature map first, or of all.
        blocks: residual blocks of a stage.
        group_size, expansion: see InvertedBottleneck.
        axis_name: the mapped axis under pmap; nothing here needs it.
        dtype: what all stages but the smallest compute in, or its name; that one and
            what is before or after it are at least float32 (bfloat16 is the paper's).
            Params are float32, or float64 for such a dtype.

    Raises:
        ValueError: settings contradict each other.
    """

    resolution: int = 32
    bottom: int = 4
    channels: int = 3
    num_classes: int = 0
    width: int | tuple[int, ...] = 768
    blocks: int = 2
    group_size: int = 16
    expansion: int = 2
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        for width in self.widths:
            if width * self.expansion % self.group_size:
                raise ValueError(
                    f"the {width} x {self.expansion} channels inside of a block cannot"
                    f" be split into groups of {self.group_size}: take a group_size"
                    " that divides them."
                )
        compute_dtype(self.dtype)

    def stage(self, x: jax.Array, number: int) -> jax.Array:
        """The residual blocks of one stage; number 0 has the smallest feature map."""
        total = self.blocks * len(self.widths)
        block = partial(
            InvertedBottleneck,
            gain=total**-0.25,
            group_size=self.group_size,
            expansion=self.expansion,
            conv=partial(Conv, dtype=self.dtype_of(number)),
        )
        for i in range(self.blocks):
            x = block(name=f"stage{number}_block{i}")(x)
        return x

    def project(self, x: jax.Array, width: int, number: int, name: str) -> jax.Array:
        """A 1x1 convolution to so many channels, in the precision of a stage."""
        init, dtype = scaled_normal(1), self.dtype_of(number)
        return Conv(width, 1, kernel_init=init, dtype=dtype, name=name)(x)

    def resize(self, x: jax.Array, number: int) -> jax.Array:
        """x with the width of a stage."""
        if x.shape[-1] == self.widths[number]:
            return x
        return self.project(x, self.widths[number], number, f"stage{number}_resize")

    def dtype_of(self, number: int) -> Any:
        """What a stage computes in; None is the type that its inputs have."""
        dtype = compute_dtype(self.dtype)
        return dtype if number else widened(dtype)

    @property
    def linear(self) -> dict[str, Any]:
        """Fields of the layers of vectors."""
        return {"kernel_init": scaled_normal(1), "dtype": self.dtype_of(0)}

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage, smallest feature map first."""
        count = doublings("network", self.resolution, self.bottom)
        return widths(self.width, count + 1)


class R3GANGenerator(R3GAN):
    """A learned small image, scaled by the latents, that stages of blocks enlarge.

    Maps latents [B, latent_size], drawn from N(0, 1), to images [B, resolution,
    resolution, channels], made for [-1, 1] but without tanh; at least float32. Labels,
    int [B], are needed where there are classes, and ignored where not.

    Args:
        latent_size: length of the latents, and of the embedding of a class.
    """

    latent_size: int = 64

    @nn.compact
    def __call__(
        self, latents: jax.Array, labels: jax.Array | None = None, train: bool = False
    ) -> jax.Array:
        """Latents [B, latent_size] and labels int [B] to images."""
        check_labels(labels, self.num_classes, "generator")
        if labels is not None and self.num_classes:
            embed = Embed(
                self.num_classes, self.latent_size, **self.linear, name="embed"
            )
            latents = jnp.concatenate([latents, embed(labels)], -1)
        first = self.widths[0]
        scale = Dense(first, use_bias=False, **self.linear, name="linear")(latents)
        wide = at_least_float32(self.dtype_of(0) or jnp.float32)
        shape = (self.bottom, self.bottom, first)
        basis = self.param("basis", nn.initializers.normal(1), shape, wide)
        x = basis * scale[:, None, None]
        for number in range(len(self.widths)):
            if number:
                x = upsample_fir(self.resize(x, number))
            x = self.stage(x, number)
        x = self.project(x, self.channels, number, "to_image")
        return x.astype(at_least_float32(x.dtype))

    @property
    def inputs(self) -> Inputs:
        """A batch of one of latents, and of labels where there are classes."""
        return latent_inputs(self.latent_size, self.num_classes)


class R3GANDiscriminator(R3GAN):
    """Stages of blocks that reduce an image to a vector, and a linear head.

    Maps images [B, resolution, resolution, channels] to logits [B], at least float32.
    With classes the logit is the product of the vector and an embedding of the label.
    Labels, int [B], are needed where there are classes, and ignored where not.
    """

    # No example's logit depends on the others.
    mixes_examples = False

    @nn.compact
    def __call__(
        self, images: jax.Array, labels: jax.Array | None = None, train: bool = False
    ) -> jax.Array:
        """Images and labels int [B] to logits [B]."""
        check_images(images, self.resolution, self.channels)
        check_labels(labels, self.num_classes, "discriminator")
        last = len(self.widths) - 1
        x = self.project(images, self.widths[-1], last, "from_image")
        for number in reversed(range(len(self.widths))):
            x = self.stage(x, number)
            if number:
                x = self.resize(downsample_fir(x), number - 1)
        x = x.astype(at_least_float32(x.dtype))
        shape, channels = (self.bottom, self.bottom, 1, self.widths[0]), self.widths[0]
        pool = self.param("pool", scaled_normal(1), shape, x.dtype)
        x = (x * pool[:, :, 0]).sum((1, 2))
        features = channels if self.num_classes else 1
        x = Dense(features, use_bias=False, **self.linear, name="linear")(x)
        if labels is None or not self.num_classes:
            return x[:, 0]
        given = {**self.linear, "kernel_init": scaled_normal(channels**-0.5)}
        return (
            x * Embed(self.num_classes, channels, **given, name="embed")(labels)
        ).sum(-1)

    @property
    def inputs(self) -> Inputs:
        """A batch of one of images, and of labels where there are classes."""
        side = self.resolution
        return image_inputs(side, side, self.channels, self.num_classes)


def r3gan(network: Callable, preset: str = "cifar10", **fields: Any) -> nn.Module:
    """A network of one of the paper's sizes.

    Args:
        network: R3GANGenerator or R3GANDiscriminator.
        preset: a name in PRESETS.
        **fields: of the network, in place of the preset's.

    Raises:
        ValueError: the preset, a field or its value is unknown.
    """
    check_arguments(network, fields, f"an R3GAN of preset '{preset}'")
    return network(**{**choose(PRESETS, preset, "preset"), **fields})


R3GANS: dict[str, Callable] = {
    "r3gan_generator": partial(r3gan, R3GANGenerator),
    "r3gan_discriminator": partial(r3gan, R3GANDiscriminator),
}
