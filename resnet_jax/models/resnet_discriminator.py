"""Residual discriminators: SNGAN, WGAN-GP, SAGAN and BigGAN."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.models.inputs import Inputs, image_inputs
from resnet_jax.models.pyramid import (
    check_attention,
    check_images,
    check_labels,
    doublings,
    widths,
)
from resnet_jax.nn.activation import activation
from resnet_jax.nn.choice import choose
from resnet_jax.nn.down_block import DownBlock
from resnet_jax.nn.initialization import KERNEL_INITS
from resnet_jax.nn.precision import at_least_float32, compute_dtype, widened
from resnet_jax.nn.self_attention import SelfAttention
from resnet_jax.nn.spectral import layers

POOLS = {"sum": jnp.sum, "mean": jnp.mean}


class ResNetDiscriminator(nn.Module):
    """Residual blocks that halve the image, some that keep it, pooling, linear head.

    Miyato et al. 2018, arXiv:1802.05957, table 3 (b); with classes the logit is
    w^T h + <embedding of the label, h> (projection: 2018, arXiv:1802.05637, eq. 3).
    Maps images [B, resolution, resolution, channels] in [-1, 1] to logits [B], at least
    float32. Labels, int [B], are needed where there are classes, and ignored where not.

    Args:
        resolution: side of the images, `bottom` times a power of two.
        bottom: side of the last feature maps.
        channels: of the images.
        num_classes: 0 for an unconditional network.
        width: channels that each block puts out, or those of every block.
        extra_blocks: number of blocks that keep the size, after those that halve it.
        wide: a block widens in its first convolution (BigGAN), not in its last.
        attention: sides of feature maps; self-attention follows the first of a side.
        pool: 'sum' or 'mean' over the positions before the head.
        head_bias: whether the head has a bias.
        spectral: all kernels and the embedding spectrally normalized.
        epsilon: of spectral normalization.
        project: False leaves away the convolution of shortcuts whose width does not
            change, which the papers have where the block resamples.
        residual: False leaves all shortcuts away: the plain twin. It has as many
            parameters if neither has convolutions in its shortcuts (`project`).
        kernel_init: a name in KERNEL_INITS.
        act: name or callable.
        axis_name: the mapped axis under pmap; nothing here needs it.
        dtype: what all but the head compute in, or its name; params stay float32
            (float64 for such a dtype).

    Raises:
        ValueError: a name is unknown, or settings contradict each other.
    """

    resolution: int = 32
    bottom: int = 8
    channels: int = 3
    num_classes: int = 0
    width: int | tuple[int, ...] = 128
    extra_blocks: int = 2
    wide: bool = False
    attention: tuple[int, ...] = ()
    pool: str = "sum"
    head_bias: bool = False
    spectral: bool = True
    epsilon: float = 1e-12
    project: bool = True
    residual: bool = True
    kernel_init: str = "glorot"
    act: str | Callable = "relu"
    axis_name: str | None = None
    dtype: Any = None

    # No example's logit depends on the others.
    mixes_examples = False

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        widths(self.width, len(self.sides))
        check_attention(self.attention, self.sides)
        choose(KERNEL_INITS, self.kernel_init, "kernel_init")
        choose(POOLS, self.pool, "pool")
        activation(self.act)
        compute_dtype(self.dtype)

    @nn.compact
    def __call__(
        self, images: jax.Array, labels: jax.Array | None = None, train: bool = False
    ) -> jax.Array:
        """Images and labels int [B] to logits [B]; train advances spectral vectors."""
        check_images(images, self.resolution, self.channels)
        check_labels(labels, self.num_classes, "discriminator")
        dtype = compute_dtype(self.dtype)
        branch_init, other_init = KERNEL_INITS[self.kernel_init]
        given = {"kernel_init": other_init, "dtype": widened(dtype)}
        kinds = layers(self.spectral, train, self.epsilon, **given)
        conv = partial(kinds.conv, dtype=dtype)
        block = partial(
            DownBlock,
            conv=partial(conv, kernel_init=branch_init),
            act=activation(self.act),
            shortcut_init=other_init,
            project=self.project,
            residual=self.residual,
        )
        x, before = images, self.resolution
        for i, (side, width) in enumerate(zip(self.sides, self.widths, strict=True), 1):
            hidden = width if self.wide or i == 1 else None
            x = block(width, hidden, before // side, i > 1, name=f"block{i}")(x)
            if side in self.attention and (side < before or i == 1):
                x = SelfAttention(conv, name=f"attention{i}")(x)
            before = side
        h = activation(self.act)(x).astype(at_least_float32(x.dtype))
        h = POOLS[self.pool](h, (1, 2))
        logits = kinds.dense(1, use_bias=self.head_bias, name="head")(h)[:, 0]
        if self.num_classes:
            rows = kinds.embed(self.num_classes, h.shape[-1], name="embed")(labels)
            logits += (rows * h).sum(-1)
        return logits

    @property
    def sides(self) -> list[int]:
        """Of the feature map that each block puts out."""
        count = doublings("discriminator", self.resolution, self.bottom)
        halved = [self.resolution // 2**i for i in range(1, count + 1)]
        return halved + [self.bottom] * self.extra_blocks

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels that each block puts out."""
        return widths(self.width, len(self.sides))

    @property
    def inputs(self) -> Inputs:
        """A batch of one of images, and of labels where there are classes."""
        side = self.resolution
        return image_inputs(side, side, self.channels, self.num_classes)
