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
from resnet_jax.nn.stochastic import drop_path, dropout


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
        dilations: of the first 3x3 convolution, and of those after it.
        bottleneck: three convolutions instead of two.
        preact: pre-activation.
        conv, norm, act: constructors of layers, and a function.
        attention: constructor of a channel attention, applied to the branch, or None.
        blur: None, or what replaces the stride of a 3x3 convolution, behind its
            activation: a function in BLURS.
        shortcut: a name in SHORTCUTS.
        shortcut_kernel: size of a projection's kernel where the block is strided.
        cardinality, base_width: groups of a bottleneck's 3x3 convolution, and channels
            of each where `features` is 64.
        reduce_first: divides the channels of the first convolution.
        widths: channels of each convolution, where pruning has left other numbers.
        stride_on: a bottleneck's strided convolution: '3x3' (torchvision, called v1.5)
            or '1x1' (the paper).
        zero_init: the branch starts at zero (Goyal et al. 2017, arXiv:1706.02677,
            section 5.1): its last scale, or with pre-activation its last kernel,
            since ReLU passes no gradient to a scale and bias of zero.
        dropout: share of values dropped before every convolution but the first
            (Zagoruyko and Komodakis 2016, arXiv:1605.07146, section 2.4).
        drop_block: None, or called as drop_block(key, y) behind the first 3x3
            convolution's norm.

    Raises:
        ValueError: an unknown name, or cardinality or base_width without bottleneck.
    """

    features: int
    strides: int = 1
    dilations: tuple[int, int] = (1, 1)
    bottleneck: bool = False
    preact: bool = False
    conv: Callable = Conv
    norm: Callable = BatchNorm
    act: Callable = nn.relu
    attention: Callable | None = None
    blur: Callable | None = None
    shortcut: str = "projection"
    shortcut_kernel: int = 1
    cardinality: int = 1
    base_width: int = 64
    reduce_first: int = 1
    widths: tuple[int, ...] | None = None
    stride_on: str = "3x3"
    zero_init: bool = False
    dropout: float = 0.0
    drop_block: Callable | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, drop_rate: Any = 0.0) -> jax.Array:
        """[B, H, W, C] -> [B, H / strides, W / strides, features or 4 features].

        `drop_rate` is the probability that training drops an example's branch.
        """
        shortcut = choose(SHORTCUTS, self.shortcut, "shortcut")
        layers = self.layers()
        zero = {"kernel_init" if self.preact else "scale_init": zeros}
        y = source = x
        for i, layer in enumerate(layers, 1):
            conv = partial(self.conv, **layer, name=f"conv{i}")
            norm = partial(self.norm, name=f"bn{i}")
            last = zero if self.zero_init and i == len(layers) else {}
            if self.preact:
                y = self.activate(norm()(y, train), i - 1, train)
                source = y if i == 1 else source
                y = conv(**last)(y)
            else:
                y = norm(**last)(conv()(y), train)
                y = y if i == len(layers) else self.activate(y, i, train)
        features = layers[-1]["features"]
        if self.attention is not None:
            y = self.attention(self.expansion * self.features, name="se")(y)
        if train and not (isinstance(drop_rate, float) and drop_rate == 0):
            y = drop_path(self.make_rng("dropout"), y, drop_rate)
        y = y + shortcut(self, x, source, features, train)
        return y if self.preact else self.act(y)

    def activate(self, y: jax.Array, number: int, train: bool) -> jax.Array:
        """What lies between the norm behind a convolution and the next one."""
        spatial = number == (2 if self.bottleneck else 1)
        if train and self.drop_block is not None and spatial:
            y = self.drop_block(self.make_rng("dropout"), y)
        y = self.act(y)
        if self.blur is not None and self.blurs and spatial:
            y = self.blur(y, self.strides)
        if train and self.dropout and number:
            y = dropout(self.make_rng("dropout"), y, self.dropout)
        return y

    @property
    def expansion(self) -> int:
        """Channels that the block puts out, in units of `features`."""
        return 4 if self.bottleneck else 1

    @property
    def blurs(self) -> bool:
        """Whether there is a stride, or a dilation in place of one, to blur."""
        first, dilation = self.dilations
        return self.blur is not None and (self.strides > 1 or first != dilation)

    def changes(self, x: jax.Array, features: int) -> bool:
        """Whether what the block puts out has another shape than its input x."""
        return self.strides != 1 or x.shape[-1] != features

    def layers(self) -> list[dict[str, Any]]:
        """The arguments of the branch's convolutions."""
        features, strides = self.features, 1 if self.blurs else self.strides
        first, dilation = self.dilations
        steps = choose(STRIDED, self.stride_on, "stride_on")(strides)
        if self.bottleneck:
            width = features * self.base_width // 64 * self.cardinality
            reduced, out = width // self.reduce_first, self.expansion * features
            layers = [
                _layer(reduced, 1, strides=steps[0]),
                _layer(width, 3, strides=steps[1], dilation=first),
                _layer(out, 1),
            ]
            layers[1]["groups"] = self.cardinality
        elif (self.cardinality, self.base_width) != (1, 64):
            raise ValueError("cardinality and base_width need a bottleneck block.")
        else:
            layers = [
                _layer(features // self.reduce_first, 3, strides, first),
                _layer(features, 3, dilation=dilation),
            ]
        for layer, width in zip(layers, self.widths or (), strict=bool(self.widths)):
            layer["features"] = width
        return layers


def _layer(features: int, kernel_size: int, strides: int = 1, dilation: int = 1):
    return {
        "features": features,
        "kernel_size": kernel_size,
        "strides": strides,
        "dilation": dilation,
    }


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
