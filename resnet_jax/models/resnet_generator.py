"""Residual generators: SNGAN, WGAN-GP, SAGAN and BigGAN."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.models.inputs import Inputs, latent_inputs
from resnet_jax.models.pyramid import (
    check_attention,
    check_labels,
    doublings,
    widths,
)
from resnet_jax.nn.activation import activation
from resnet_jax.nn.choice import choose
from resnet_jax.nn.conditional import LabelNorm, VectorNorm
from resnet_jax.nn.dense import Embed
from resnet_jax.nn.initialization import KERNEL_INITS
from resnet_jax.nn.normalization import normalization
from resnet_jax.nn.precision import at_least_float32, compute_dtype
from resnet_jax.nn.self_attention import SelfAttention
from resnet_jax.nn.spectral import layers
from resnet_jax.nn.up_block import UpBlock


class ResNetGenerator(nn.Module):
    """Linear layer, residual blocks that each double the image, norm, 3x3, tanh.

    Miyato et al. 2018, arXiv:1802.05957, table 3 (a), and 2018, arXiv:1802.05637, for
    classes; BigGAN: Brock et al. 2018, arXiv:1809.11096, appendix B. Maps latents
    [B, latent_size], drawn from N(0, 1), to images [B, resolution, resolution,
    channels] in [-1, 1], at least float32. Labels, int [B], are needed where there are
    classes, and ignored where not.

    Args:
        resolution: side of the images, `bottom` times a power of two.
        bottom: side of the first feature map.
        channels: of the images.
        num_classes: 0 for an unconditional network.
        latent_size: length of the latents.
        width: channels that each block puts out, or those of every block.
        bottom_width: channels of the first feature map; None is the first block's.
        shared_size: 0: each norm has a table of scales and biases per class. Else the
            length of an embedding of the class that all norms share, which each maps
            linearly to its gain and bias (BigGAN).
        hierarchical: the latents are split evenly between the linear layer and the
            blocks, whose norms map their piece to gain and bias (BigGAN).
        attention: sides of the feature maps that self-attention follows.
        spectral: spectrally normalized convolutions and linear maps.
        epsilon: of spectral normalization.
        project: False leaves away the convolution of shortcuts whose width does not
            change, which the papers have where the block resamples.
        residual: False leaves all shortcuts away: the plain twin. It has as many
            parameters if neither has convolutions in its shortcuts (`project`).
        kernel_init: a name in KERNEL_INITS.
        norm, act: config section, names or callables.
        axis_name: the mapped axis under pmap.
        dtype: what all compute in, or its name; params and statistics stay float32
            (float64 for such a dtype).

    Raises:
        ValueError: a name is unknown, or settings contradict each other.
    """

    resolution: int = 32
    bottom: int = 4
    channels: int = 3
    num_classes: int = 0
    latent_size: int = 128
    width: int | tuple[int, ...] = 256
    bottom_width: int | None = None
    shared_size: int = 0
    hierarchical: bool = False
    attention: tuple[int, ...] = ()
    spectral: bool = False
    epsilon: float = 1e-12
    project: bool = True
    residual: bool = True
    kernel_init: str = "glorot"
    norm: Mapping | str | Callable = "batch"
    act: str | Callable = "relu"
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        widths(self.width, len(self.sides))
        check_attention(self.attention, self.sides)
        choose(KERNEL_INITS, self.kernel_init, "kernel_init")
        activation(self.act)
        normalization(self.norm, dtype=compute_dtype(self.dtype))
        if self.hierarchical and self.latent_size % (len(self.sides) + 1):
            raise ValueError(
                f"latent_size {self.latent_size} cannot be split evenly between the"
                f" first layer and {len(self.sides)} blocks: take a multiple of"
                f" {len(self.sides) + 1}, or hierarchical=False."
            )
        if self.hierarchical and self.num_classes and not self.shared_size:
            raise ValueError(
                "hierarchical latents with classes need a shared embedding: give"
                " shared_size, such as 128."
            )

    @nn.compact
    def __call__(
        self, latents: jax.Array, labels: jax.Array | None = None, train: bool = False
    ) -> jax.Array:
        """Latents [B, latent_size] and labels int [B] to images in [-1, 1]."""
        check_labels(labels, self.num_classes, "generator")
        dtype = compute_dtype(self.dtype)
        branch_init, other_init = KERNEL_INITS[self.kernel_init]
        given = {"kernel_init": other_init, "dtype": dtype}
        conv, dense, _ = layers(self.spectral, train, self.epsilon, **given)
        norm = normalization(self.norm, axis_name=self.axis_name, dtype=dtype)
        block_norm: Callable = partial(LabelNorm, self.num_classes, norm, dtype)
        if self.by_vector:
            block_norm = partial(VectorNorm, norm=norm, dense=dense)
        block = partial(
            UpBlock,
            conv=partial(conv, kernel_init=branch_init),
            norm=block_norm,
            act=activation(self.act),
            shortcut_init=other_init,
            project=self.project,
            residual=self.residual,
        )
        latents, conditions = self.conditions(latents, labels, given)
        first = self.bottom_width or self.widths[0]
        x = dense(self.bottom**2 * first, name="linear")(latents)
        x = x.reshape(len(x), self.bottom, self.bottom, first)
        for i, (side, width) in enumerate(zip(self.sides, self.widths, strict=True)):
            x = block(width, name=f"block{i + 1}")(x, conditions[i], train)
            if side in self.attention:
                x = SelfAttention(conv, name=f"attention{i + 1}")(x)
        x = activation(self.act)(norm(name="bn_last")(x, train))
        x = conv(self.channels, 3, use_bias=True, name="conv_last")(x)
        return jnp.tanh(x.astype(at_least_float32(x.dtype)))

    def conditions(
        self, latents: jax.Array, labels: jax.Array | None, given: dict[str, Any]
    ) -> tuple[jax.Array, list[jax.Array | None]]:
        """What the linear layer gets, and what each block's norms get."""
        count = len(self.sides)
        if not self.by_vector:
            return latents, [labels] * count
        pieces = [latents]
        if self.hierarchical:
            pieces = jnp.split(latents, count + 1, axis=-1)
        vectors = [[piece] for piece in pieces[1:]] or [[] for _ in range(count)]
        if labels is not None and self.num_classes:
            shared = Embed(self.num_classes, self.shared_size, **given, name="shared")
            embedded = shared(labels)
            vectors = [[embedded, *vector] for vector in vectors]
        return pieces[0], [jnp.concatenate(vector, -1) for vector in vectors]

    @property
    def by_vector(self) -> bool:
        """Whether norms are linear in a vector, not tables."""
        return self.hierarchical or bool(self.shared_size and self.num_classes)

    @property
    def sides(self) -> list[int]:
        """Of the feature map that each block puts out."""
        count = doublings("generator", self.resolution, self.bottom, least=1)
        return [self.bottom * 2**i for i in range(1, count + 1)]

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels that each block puts out."""
        return widths(self.width, len(self.sides))

    @property
    def inputs(self) -> Inputs:
        """A batch of one of latents, and of labels where there are classes."""
        return latent_inputs(self.latent_size, self.num_classes)
