"""Residual networks for classification and as feature extractors."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.nn.activation import activation
from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import convolution
from resnet_jax.nn.initialization import (
    he_fan_in,
    he_fan_out,
    uniform_bias,
    uniform_fan_in,
)
from resnet_jax.nn.normalization import normalization
from resnet_jax.nn.precision import at_least_float32, compute_dtype
from resnet_jax.nn.resampling import global_avg_pool, max_pool
from resnet_jax.nn.residual import BLOCKS, ResidualBlock
from resnet_jax.nn.shortcut import SHORTCUTS

# Kernel size and strides of the first convolution, strides of the pooling after it,
# and the images that the recipes train on.
STEMS: dict[str, tuple[int, int, int, tuple[int, int, int]]] = {
    "imagenet": (7, 2, 2, (224, 224, 3)),
    "cifar": (3, 1, 1, (32, 32, 3)),
}

# Initializers of the convolutions' and of the head's kernels.
KERNEL_INITS = {
    "fan_out": (he_fan_out, uniform_fan_in),
    "fan_in": (he_fan_in, he_fan_in),
}


class ResNet(nn.Module):
    """Residual network: stem, stages of blocks, global average, linear head.

    He et al. 2015, arXiv:1512.03385, tables 1 and 6; padding, epsilon, initialization
    and v1.5 strides as in torchvision 0.28. Maps images [B, H, W, C] to logits
    [B, num_classes] in at least float32, or to pooled features if num_classes is 0.

    Args:
        stage_sizes: blocks per stage; every stage after the first halves the image and
            doubles the channels.
        block: a name in BLOCKS, or a constructor like those.
        num_classes: outputs of the head; 0 for none.
        width: base channels of stem and first stage.
        stem: 'imagenet' (7x7 of stride 2, then max pooling) or 'cifar' (3x3).
        cardinality, base_width, shortcut, stride_on, zero_init: see ResidualBlock.
        kernel_init: 'fan_out' (torchvision: He fan out for convolutions, PyTorch's
            uniform head) or 'fan_in' (He fan in for both).
        conv, norm, act: config sections, names or callables.
        axis_name: the mapped axis under pmap.
        dtype: what convolutions compute in, or its name; params, statistics and head
            stay float32 (float64 for such a dtype). None takes the promoted type of
            images and params.

    Raises:
        ValueError: a name is unknown, or two settings contradict each other.
    """

    stage_sizes: tuple[int, ...]
    block: str | Callable = "bottleneck"
    num_classes: int = 1000
    width: int = 64
    cardinality: int = 1
    base_width: int = 64
    stem: str = "imagenet"
    shortcut: str = "projection"
    stride_on: str = "3x3"
    zero_init: bool = False
    kernel_init: str = "fan_out"
    conv: Mapping | str | Callable = "conv"
    norm: Mapping | str | Callable = "batch"
    act: str | Callable = "relu"
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        choose(STEMS, self.stem, "stem")
        choose(SHORTCUTS, self.shortcut, "shortcut")
        for name in ("width", "base_width", "cardinality"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} of a ResNet is {value}; expected 1 or more.")
        self.prototype.layers()
        if self.zero_init and self.shortcut == "none":
            raise ValueError("zero_init without shortcuts lets nothing pass: drop it.")

    def setup(self) -> None:
        """Makes the layers, named as in torchvision."""
        block, preact = self.make_block(), self.prototype.preact
        conv, norm, self.activate = (block.keywords[k] for k in ("conv", "norm", "act"))
        kernel, strides, _, _ = STEMS[self.stem]
        self.conv1 = conv(self.width, kernel, strides=strides)
        # The first block of a pre-activation network brings its own norm.
        self.bn1 = None if preact else norm()
        for i, size in enumerate(self.stage_sizes):
            features, strides = self.width * 2**i, 2 if i else 1
            stage = [block(features, strides=s) for s in (strides, *[1] * (size - 1))]
            setattr(self, f"layer{i + 1}", stage)
        self.bn_last = norm() if preact else None
        self.fc = nn.Dense(
            self.num_classes,
            param_dtype=at_least_float32(compute_dtype(self.dtype) or jnp.float32),
            kernel_init=KERNEL_INITS[self.kernel_init][1],
            bias_init=uniform_bias(self.feature_info[-1]["num_chs"]),
        )

    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Images [B, H, W, C] to logits [B, num_classes]."""
        return self.head(self.features(x, train)[-1], train)

    def features(self, x: jax.Array, train: bool = False) -> list[jax.Array]:
        """The stem's output before pooling, then each stage's: see `feature_info`."""
        if x.ndim != 4:
            raise ValueError(f"a ResNet takes images [B, H, W, C], not {x.shape}.")
        x = self.conv1(x)
        if self.bn1 is not None:
            x = self.activate(self.bn1(x, train))
        outputs = [x]
        if STEMS[self.stem][2] > 1:
            x = max_pool(x, 3, STEMS[self.stem][2], padding=1)
        for i in range(len(self.stage_sizes)):
            for block in getattr(self, f"layer{i + 1}"):
                x = block(x, train)
            outputs.append(x)
        return outputs

    def head(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The last stage's output [B, H, W, C] to logits."""
        if self.bn_last is not None:
            x = self.activate(self.bn_last(x, train))
        x = global_avg_pool(x)
        return self.fc(x) if self.num_classes else x

    @nn.nowrap
    def make_block(self) -> partial:
        """The constructor of blocks, still without features and strides."""
        dtype = compute_dtype(self.dtype)
        kernel_init, _ = choose(KERNEL_INITS, self.kernel_init, "kernel_init")
        block = self.block
        return partial(
            choose(BLOCKS, block, "block") if isinstance(block, str) else block,
            conv=convolution(self.conv, dtype=dtype, kernel_init=kernel_init),
            norm=normalization(self.norm, axis_name=self.axis_name, dtype=dtype),
            act=activation(self.act),
            shortcut=self.shortcut,
            cardinality=self.cardinality,
            base_width=self.base_width,
            stride_on=self.stride_on,
            zero_init=self.zero_init,
        )

    @property
    def prototype(self) -> ResidualBlock:
        """A block outside any network, to be asked for its shape."""
        return self.make_block()(self.width, parent=None)

    @property
    def feature_info(self) -> tuple[dict[str, Any], ...]:
        """Channels, stride and name of each of the outputs of `features`."""
        _, reduction, pooling, _ = STEMS[self.stem]
        info = [{"num_chs": self.width, "reduction": reduction, "module": "stem"}]
        for i in range(len(self.stage_sizes)):
            channels = self.width * 2**i * self.prototype.expansion
            stride = reduction * pooling * 2**i
            module = f"layer{i + 1}"
            info.append({"num_chs": channels, "reduction": stride, "module": module})
        return tuple(info)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that the stem was made for."""
        return STEMS[self.stem][3]
