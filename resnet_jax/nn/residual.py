"""Residual blocks: y = act(x + F(x)), or y = x + F(x) with pre-activation."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
from flax.linen.initializers import zeros

from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.normalization import BatchNorm
from resnet_jax.nn.shortcut import SHORTCUTS


class ResidualBlock(nn.Module):
    """A residual branch of two 3x3 or of 1x1, 3x3, 1x1 convolutions, and its shortcut.

    Post-activation: He et al. 2015, arXiv:1512.03385, figures 2 and 5 (right), each
    convolution followed by norm and activation, the last activation after the sum.
    Pre-activation: He et al. 2016, arXiv:1603.05027, figure 4 (e), norm and activation
    before each convolution, nothing after the sum. ResNeXt: Xie et al. 2017,
    arXiv:1611.05431, figure 3 (c).

    Args:
        features: the block's base channels; a bottleneck puts out four times as many.
        strides: of the whole block.
        bottleneck: three convolutions instead of two.
        preact: pre-activation.
        conv, norm, act: constructors of layers, and a function.
        shortcut: a name in SHORTCUTS.
        cardinality, base_width: groups of a bottleneck's 3x3 convolution, and channels
            of each where `features` is 64.
        stride_on: a bottleneck's strided convolution: '3x3' (torchvision, called v1.5)
            or '1x1' (the paper).
        zero_init: the branch starts at zero (Goyal et al. 2017, arXiv:1706.02677,
            section 5.1): its last scale, or with pre-activation its last kernel,
            since ReLU passes no gradient to a scale and bias of zero.

    Raises:
        ValueError: an unknown name, or cardinality or base_width without bottleneck.
    """

    features: int
    strides: int = 1
    bottleneck: bool = False
    preact: bool = False
    conv: Callable = Conv
    norm: Callable = BatchNorm
    act: Callable = nn.relu
    shortcut: str = "projection"
    cardinality: int = 1
    base_width: int = 64
    stride_on: str = "3x3"
    zero_init: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[B, H, W, C] -> [B, H / strides, W / strides, features or 4 features]."""
        shortcut = choose(SHORTCUTS, self.shortcut, "shortcut")
        layers = self.layers()
        zero = {"kernel_init" if self.preact else "scale_init": zeros}
        y = source = x
        for i, layer in enumerate(layers, 1):
            conv = partial(self.conv, **layer, name=f"conv{i}")
            norm = partial(self.norm, name=f"bn{i}")
            last = zero if self.zero_init and i == len(layers) else {}
            if self.preact:
                y = self.act(norm()(y, train))
                source = y if i == 1 else source
                y = conv(**last)(y)
            else:
                y = norm(**last)(conv()(y), train)
                y = y if i == len(layers) else self.act(y)
        y = y + shortcut(self, x, source, self.expansion * self.features, train)
        return y if self.preact else self.act(y)

    @property
    def expansion(self) -> int:
        """Channels that the block puts out, in units of `features`."""
        return 4 if self.bottleneck else 1

    def layers(self) -> list[dict[str, Any]]:
        """The arguments of the branch's convolutions."""
        strides, features = self.strides, self.features
        if not self.bottleneck:
            if (self.cardinality, self.base_width) != (1, 64):
                raise ValueError("cardinality and base_width need a bottleneck block.")
            return [
                {"features": features, "kernel_size": 3, "strides": strides},
                {"features": features, "kernel_size": 3},
            ]
        steps = choose(STRIDED, self.stride_on, "stride_on")(strides)
        width = features * self.base_width // 64 * self.cardinality
        groups = self.cardinality
        return [
            {"features": width, "kernel_size": 1, "strides": steps[0]},
            {
                "features": width,
                "kernel_size": 3,
                "strides": steps[1],
                "groups": groups,
            },
            {"features": self.expansion * features, "kernel_size": 1},
        ]


STRIDED = {"3x3": lambda s: (1, s), "1x1": lambda s: (s, 1)}

BasicBlock = partial(ResidualBlock, bottleneck=False)
BottleneckBlock = partial(ResidualBlock, bottleneck=True)
PreActBasicBlock = partial(ResidualBlock, bottleneck=False, preact=True)
PreActBottleneckBlock = partial(ResidualBlock, bottleneck=True, preact=True)

BLOCKS: dict[str, partial] = {
    "basic": BasicBlock,
    "bottleneck": BottleneckBlock,
    "preact_basic": PreActBasicBlock,
    "preact_bottleneck": PreActBottleneckBlock,
}
