"""Residual networks with pre-activation, as timm's resnetv2.py makes them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
from flax.linen.initializers import normal

from resnet_jax.models.limits import check_shares, check_stages, frozen_modules
from resnet_jax.models.resnet_plan import plan_stages
from resnet_jax.nn.activation import activation
from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import Conv, convolution
from resnet_jax.nn.normalization import normalization
from resnet_jax.nn.preactivation import (
    POOLS,
    PROJECTIONS,
    PreActivationBlock,
    PreActivationStem,
)
from resnet_jax.nn.precision import at_least_float32, compute_dtype
from resnet_jax.nn.renamed import Renamed
from resnet_jax.nn.resampling import global_avg_pool
from resnet_jax.nn.stem import STEMS
from resnet_jax.nn.stochastic import dropout

BLOCKS: dict[str, partial] = {
    "preact_basic": partial(PreActivationBlock, bottleneck=False),
    "preact_bottleneck": partial(PreActivationBlock, bottleneck=True),
}


class ResNetV2(nn.Module):
    """Residual network with pre-activation: stem, stages, norm, average, head.

    He et al. 2016, arXiv:1603.05027, with strides on the 3x3 convolutions; as BiT
    (Kolesnikov et al. 2019, arXiv:1912.11370) with weight standardization and group
    norm. Parts, their names and initialization as in timm 1.0.31. Maps images
    [B, H, W, C] to logits [B, num_classes] in at least float32, or to pooled features
    if num_classes is 0. Training draws what it drops from the random numbers 'dropout'.

    Args:
        stage_sizes: blocks per stage; every stage after the first halves the image and
            doubles the channels.
        block: a name in BLOCKS.
        num_classes: outputs of the head; 0 for none.
        width: channels of the stem, and base channels of the first stage.
        stem: a name in STEMS.
        stem_pool: 'max', or 'zero_max' (zeros surround the image, as in BiT).
        shortcut: 'projection', or 'average' (a mean of squares before it).
        zero_init: blocks start as their shortcuts.
        output_stride: stages dilate where they would halve the image further; None
            for no such limit.
        dropout: share of the pooled features that training drops.
        drop_path: probability of dropping the last block's branch; it grows linearly
            from 0 at the first (Huang et al. 2016, arXiv:1603.09382, section 3).
        frozen_stages: -1 for none, 0 the stem, k the stem and the stages 1 ... k: these
            run as in inference and get no gradient.
        conv, norm, act: config sections, names or callables. The norms 'evo' and 'frn'
            activate themselves: take act='identity'.
        image_size: side of the images it was made for; None is the stem's usual one.
        axis_name: the mapped axis under pmap.
        dtype: what convolutions compute in, or its name; params, statistics and head
            stay float32 (float64 for such a dtype). None takes the promoted type of
            images and params.

    Raises:
        ValueError: a name is unknown or a value out of range.
    """

    stage_sizes: tuple[int, ...]
    block: str = "preact_bottleneck"
    num_classes: int = 1000
    width: int = 64
    stem: str = "imagenet"
    stem_pool: str = "max"
    shortcut: str = "projection"
    zero_init: bool = False
    output_stride: int | None = None
    dropout: float = 0.0
    drop_path: float = 0.0
    frozen_stages: int = -1
    conv: Mapping | str | Callable = "conv"
    norm: Mapping | str | Callable = "batch"
    act: str | Callable = "relu"
    image_size: int | None = None
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        layout = choose(STEMS, self.stem, "stem")
        choose(BLOCKS, self.block, "block")
        choose(POOLS, self.stem_pool, "stem_pool")
        choose(PROJECTIONS, self.shortcut, "shortcut")
        self.make_parts()
        if self.width < 1:
            raise ValueError(f"width of a ResNet is {self.width}; expected 1 or more.")
        check_shares(self, ("dropout", "drop_path"))
        check_stages(self, layout.reduction)

    def setup(self) -> None:
        """Makes the layers, named as in timm."""
        parts, dtype = self.make_parts(), compute_dtype(self.dtype)
        stem: dict[str, Any] = {
            "kind": self.stem,
            "width": self.width,
            "pool": self.stem_pool,
        }
        self.entrance = Renamed(partial(PreActivationStem, **stem, **parts), "stem")
        self.stages = [Stage(tuple(blocks)) for blocks in self.make_blocks()]
        self.last_norm = Renamed(parts["norm"], "norm")
        self.classifier = Renamed(partial(ConvHead, self.num_classes, dtype), "head")
        for part in (self.entrance, self.last_norm, self.classifier):
            nn.share_scope(self, part)
        self.activate = parts["act"]

    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Images [B, H, W, C] to logits [B, num_classes]."""
        return self.head(self.features(x, train)[-1], train)

    def features(self, x: jax.Array, train: bool = False) -> list[jax.Array]:
        """The stem's output before pooling, then each stage's: see `feature_info`.

        They are sums without norm and activation.
        """
        if x.ndim != 4:
            raise ValueError(f"a ResNet takes images [B, H, W, C], not {x.shape}.")
        first, x = self.entrance(x, train and self.frozen_stages < 0)
        if self.frozen_stages >= 0:
            first, x = jax.lax.stop_gradient((first, x))
        outputs = [first]
        for number in range(1, len(self.stage_sizes) + 1):
            outputs.append(x := self.stage(number, x, train))
        return outputs

    def stage(self, number: int, x: jax.Array, train: bool = False) -> jax.Array:
        """One of the stages 1, 2, ...: [B, H, W, C] -> [B, H', W', C']."""
        frozen = number <= self.frozen_stages
        before, total = sum(self.stage_sizes[: number - 1]), sum(self.stage_sizes)
        step = self.drop_path / max(total - 1, 1)
        x = self.stages[number - 1](x, train and not frozen, before * step, step)
        return jax.lax.stop_gradient(x) if frozen else x

    def head(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The last stage's output [B, H, W, C] to logits."""
        x = global_avg_pool(self.activate(self.last_norm(x, train)))
        if train and self.dropout:
            x = dropout(self.make_rng("dropout"), x, self.dropout)
        return self.classifier(x) if self.num_classes else x

    @nn.nowrap
    def make_parts(self) -> dict[str, Any]:
        """Constructors of convolutions and norms, and the activation."""
        dtype = compute_dtype(self.dtype)
        return {
            "conv": convolution(self.conv, dtype=dtype),
            "norm": normalization(self.norm, axis_name=self.axis_name, dtype=dtype),
            "act": activation(self.act),
        }

    @nn.nowrap
    def make_blocks(self) -> list[list[partial]]:
        """The constructors of each stage's blocks."""
        given = {"shortcut": self.shortcut, "zero_init": self.zero_init}
        make = partial(
            choose(BLOCKS, self.block, "block"), **given, **self.make_parts()
        )
        reduction, projects = STEMS[self.stem].reduction, make.keywords["bottleneck"]
        plan = plan_stages(self.stage_sizes, self.width, reduction, self.output_stride)
        return [
            [
                partial(make, **block, project=j == 0 and (i > 0 or projects))
                for j, block in enumerate(stage)
            ]
            for i, stage in enumerate(plan)
        ]

    @property
    def feature_info(self) -> tuple[dict[str, Any], ...]:
        """Channels, stride and name of each of the outputs of `features`."""
        layout = STEMS[self.stem]
        info = [(self.width, layout.strides, "stem")]
        reduction = layout.reduction
        for i, (make, *_) in enumerate(self.make_blocks()):
            first = make(parent=None)
            reduction *= first.strides
            info.append((first.expansion * first.features, reduction, f"stages_{i}"))
        names = ("num_chs", "reduction", "module")
        return tuple(dict(zip(names, values, strict=True)) for values in info)

    @property
    def frozen_modules(self) -> tuple[str, ...]:
        """Patterns of the modules that `frozen_stages` holds still."""
        return frozen_modules(self, ("stem*",))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that the network was made for."""
        side = self.image_size or STEMS[self.stem].image
        return (side, side, 3)


class Stage(nn.Module):
    """Blocks one after another.

    Args:
        make: their constructors.
    """

    make: tuple[Callable, ...]

    @nn.compact
    def __call__(
        self, x: jax.Array, train: bool, drop_rate: float, step: float
    ) -> jax.Array:
        """[B, H, W, C] -> [B, H', W', C']; each block's drop rate is `step` higher."""
        for i, make in enumerate(self.make):
            x = make(name=f"blocks_{i}")(x, train, drop_rate + i * step)
        return x


class ConvHead(nn.Module):
    """A linear layer whose kernel is that of a 1x1 convolution; starts small.

    Args:
        num_classes: outputs.
        dtype: that the network computes in; the head's is at least float32.
    """

    num_classes: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Pooled features [B, C] to logits [B, num_classes]."""
        wide = at_least_float32(self.dtype or x.dtype)
        drawn = {"use_bias": True, "kernel_init": normal(0.01), "dtype": wide}
        fc = Conv(self.num_classes, 1, **drawn, name="fc")
        return fc(x[:, None, None])[:, 0, 0]
