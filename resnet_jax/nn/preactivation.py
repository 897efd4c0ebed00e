"""Parts of networks with pre-activation, named as in timm's resnetv2.py.

He et al. 2016, arXiv:1603.05027: norm and activation come before each convolution, so
that the sum x + F(x) + ... reaches the head without passing through another layer.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.initializers import zeros

from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.normalization import BatchNorm
from resnet_jax.nn.resampling import avg_pool_squares, max_pool
from resnet_jax.nn.stem import STEMS
from resnet_jax.nn.stochastic import drop_path


class PreActivationStem(nn.Module):
    """Convolutions and pooling; the last convolution's norm is the first block's.

    Args:
        kind: a name in STEMS.
        width: channels that it puts out.
        pool: a name in POOLS.
        conv, norm, act: constructors of layers, and a function.
    """

    kind: str = "imagenet"
    width: int = 64
    pool: str = "max"
    conv: Callable = Conv
    norm: Callable = BatchNorm
    act: Callable = nn.relu

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        """Images [B, H, W, C] to the output before pooling, and after it."""
        kernel, strides, reduction, _, factors = choose(STEMS, self.kind, "stem")
        last = len(factors) - 1
        for i, factor in enumerate(factors):
            number = i + 1 if last else ""
            width = int(self.width * factor / factors[-1])
            first = {"strides": strides} if i == 0 else {}
            x = self.conv(width, kernel, **first, name=f"conv{number}")(x)
            if i < last:
                x = self.act(self.norm(name=f"norm{number}")(x, train))
        pool = choose(POOLS, self.pool, "stem_pool")
        return x, pool(x) if reduction > strides else x


def zero_max_pool(x: jax.Array) -> jax.Array:
    """Largest of 3x3 at stride 2, where zeros surround the image (BiT)."""
    return max_pool(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 3, 2)


POOLS: dict[str, Callable] = {
    "max": partial(max_pool, window=3, strides=2, padding=1),
    "zero_max": zero_max_pool,
}


class PreActivationBlock(nn.Module):
    """y = shortcut + F(x): norm, activation and convolution, two or three times.

    A bottleneck has its stride on the 3x3 convolution and puts out four times its
    `features`. The projection of a stage's first block takes the activated input.

    Args:
        features: base channels.
        strides: of the whole block.
        dilations: of the first 3x3 convolution, and of one after it.
        bottleneck: convolutions of 1x1, 3x3, 1x1 instead of two of 3x3.
        project: the shortcut is projected, even if no shape changes.
        shortcut: how it is projected, a name in PROJECTIONS.
        conv, norm, act: constructors of layers, and a function.
        zero_init: the branch starts at zero, by its last kernel.
    """

    features: int
    strides: int = 1
    dilations: tuple[int, int] = (1, 1)
    bottleneck: bool = True
    project: bool = False
    shortcut: str = "projection"
    conv: Callable = Conv
    norm: Callable = BatchNorm
    act: Callable = nn.relu
    zero_init: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, drop_rate: float = 0.0) -> jax.Array:
        """[B, H, W, C] -> [B, H / strides, W / strides, features or 4 features].

        `drop_rate` is the probability that training drops an example's branch.
        """
        y, shortcut, layers = x, x, self.layers()
        for i, layer in enumerate(layers, 1):
            y = self.act(self.norm(name=f"norm{i}")(y, train))
            if i == 1 and self.project:
                shortcut = self.downsample()(y)
            if self.zero_init and i == len(layers):
                layer["kernel_init"] = zeros
            y = self.conv(**layer, name=f"conv{i}")(y)
        if train and drop_rate:
            y = drop_path(self.make_rng("dropout"), y, drop_rate)
        return shortcut + y

    def downsample(self) -> nn.Module:
        """The projection of the shortcut."""
        return Downsample(
            self.expansion * self.features,
            strides=self.strides,
            dilation=self.dilations[1],
            reduce=choose(PROJECTIONS, self.shortcut, "shortcut"),
            conv=self.conv,
            name="downsample",
        )

    def layers(self) -> list[dict[str, Any]]:
        """The arguments of the branch's convolutions."""
        features, (first, dilation) = self.features, self.dilations
        strided = {"kernel_size": 3, "strides": self.strides, "dilation": first}
        if not self.bottleneck:
            last = {"kernel_size": 3, "dilation": dilation}
            return [{"features": features, **given} for given in (strided, last)]
        return [
            {"features": features, "kernel_size": 1},
            {"features": features, **strided},
            {"features": self.expansion * features, "kernel_size": 1},
        ]

    @property
    def expansion(self) -> int:
        """Channels that the block puts out, in units of `features`."""
        return 4 if self.bottleneck else 1


class Downsample(nn.Module):
    """1x1 convolution of a shortcut, behind what reduces the image.

    Args:
        features: channels that it puts out.
        strides, dilation: of the block.
        reduce: None for a strided convolution, or a function of image, strides and
            dilation.
        conv: constructor of layers.
    """

    features: int
    strides: int = 1
    dilation: int = 1
    reduce: Callable | None = None
    conv: Callable = Conv

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H / strides, W / strides, features]."""
        if self.reduce is None:
            return self.conv(self.features, 1, strides=self.strides, name="conv")(x)
        x = self.reduce(x, self.strides, self.dilation)
        return self.conv(self.features, 1, name="conv")(x)


PROJECTIONS: dict[str, Callable | None] = {
    "projection": None,
    "average": avg_pool_squares,
}
