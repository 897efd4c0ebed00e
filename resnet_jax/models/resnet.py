"""Residual networks for classification and as feature extractors."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.models.limits import frozen_modules
from resnet_jax.models.resnet_plan import (
    Stage,
    block_constructors,
    check_settings,
    per_stage,
    plan_stages,
)
from resnet_jax.nn.initialization import KERNEL_INITS, uniform_bias
from resnet_jax.nn.precision import at_least_float32, compute_dtype
from resnet_jax.nn.repeat import REST, run_block, run_stack
from resnet_jax.nn.resampling import global_avg_pool
from resnet_jax.nn.residual import ResidualBlock
from resnet_jax.nn.stem import STEMS, Stem
from resnet_jax.nn.stochastic import dropout

# Loops over convolutions are ten times slower on CPUs than the same blocks one by one,
# and worth it anywhere only where those would compile for minutes. What is a loop is a
# matter of depth alone, since checkpoints must fit on every platform.
SCAN_FROM = 100


class ResNet(nn.Module):
    """Residual network: stem, stages of blocks, global average, linear head.

    He et al. 2015, arXiv:1512.03385, tables 1 and 6; padding, epsilon, initialization
    and v1.5 strides as in torchvision 0.28, parts and their names as in timm 1.0.31.
    Maps images [B, H, W, C] to logits [B, num_classes] in at least float32, or to
    pooled features if num_classes is 0. Training draws what it drops from the random
    numbers 'dropout'.

    Args:
        stage_sizes: blocks per stage; every stage after the first halves the image.
        block: a name in BLOCKS, or a constructor like those, or one for each stage.
        num_classes: outputs of the head; 0 for none.
        width: base channels of the first stage, doubled by each other, or of all.
        stem: a name in STEMS: 'imagenet' (7x7 of stride 2, then pooling), 'deep' and
            'deep_tiered' (three 3x3 in place of it) or 'cifar' (3x3).
        stem_width: channels of the stem's first convolutions; None is the first
            stage's width, half of it for deep stems.
        stem_pool, space_to_depth: see Stem.
        cardinality, base_width, reduce_first, stride_on, zero_init: see ResidualBlock.
        shortcut, shortcut_kernel: see ResidualBlock.
        attention: config section, name in ATTENTIONS or constructor; None for none.
        blur: anti-aliasing where the image is halved, a name in BLURS; None for none.
        output_stride: stages dilate where they would halve the image further; None
            for no such limit.
        widths: channels of each convolution of each block of each stage, where pruning
            has left other numbers.
        kernel_init: 'fan_out' (torchvision: He fan out for convolutions, PyTorch's
            uniform head) or 'fan_in' (He fan in for both).
        dropout: share of the pooled features that training drops.
        block_dropout: share of values dropped inside of blocks.
        drop_path: probability of dropping the last block's branch; it grows linearly
            from 0 at the first (Huang et al. 2016, arXiv:1603.09382, section 3).
        drop_block: rate of DropBlock in the last two stages.
        frozen_stages: -1 for none, 0 the stem, k the stem and the stages 1 ... k: these
            run as in inference and get no gradient.
        conv, norm, act: config sections, names or callables.
        scan_blocks: whether the equal blocks of a stage are one loop over stacked
            params, see nn/repeat.py; None: from SCAN_FROM blocks on.
        remat: whether the gradient computes the inside of blocks again, in place of
            keeping it; None: in the stages that are loops.
        image_size: side of the images it was made for; None is the stem's usual one.
        axis_name: the mapped axis under pmap.
        dtype: what convolutions compute in, or its name; params, statistics and head
            stay float32 (float64 for such a dtype). None takes the promoted type of
            images and params.

    Raises:
        ValueError: a name is unknown, a value is out of range, or two settings
            contradict each other.
    """

    stage_sizes: tuple[int, ...]
    block: str | Callable | tuple[str | Callable, ...] = "bottleneck"
    num_classes: int = 1000
    width: int | tuple[int, ...] = 64
    stem: str = "imagenet"
    stem_width: int | None = None
    stem_pool: str = "max"
    space_to_depth: bool = False
    cardinality: int = 1
    base_width: int = 64
    reduce_first: int = 1
    shortcut: str = "projection"
    shortcut_kernel: int = 1
    stride_on: str = "3x3"
    zero_init: bool = False
    attention: Mapping | str | Callable | None = None
    blur: str | None = None
    output_stride: int | None = None
    widths: tuple[tuple[tuple[int, ...], ...], ...] | None = None
    kernel_init: str = "fan_out"
    dropout: float = 0.0
    block_dropout: float = 0.0
    drop_path: float = 0.0
    drop_block: float = 0.0
    frozen_stages: int = -1
    conv: Mapping | str | Callable = "conv"
    norm: Mapping | str | Callable = "batch"
    act: str | Callable = "relu"
    scan_blocks: bool | None = None
    remat: bool | None = None
    image_size: int | None = None
    axis_name: str | None = None
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        check_settings(self)
        for stage in self.prototypes:
            stage.layers()

    def setup(self) -> None:
        """Makes the layers, named as in timm."""
        blocks, preact = block_constructors(self), self.prototypes[0].preact
        parts = {k: blocks[0].keywords[k] for k in ("conv", "norm", "act", "blur")}
        given = {"preact": preact, "space_to_depth": self.space_to_depth, **parts}
        self.entrance = Stem(self.stem, self.first_width, self.stem_pool, **given)
        nn.share_scope(self, self.entrance)
        for i, (block, stage) in enumerate(zip(blocks, self.plan, strict=True)):
            separate = stage[:1] if i in self.scanned else stage
            setattr(self, f"layer{i + 1}", [block(**own) for own in separate])
            if i in self.scanned:
                setattr(self, f"layer{i + 1}{REST}", block(**stage[1]))
        self.activate = parts["act"]
        self.bn_last = parts["norm"]() if preact else None
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
        frozen = self.frozen_stages >= 0
        first, x = self.entrance(x, train and not frozen)
        first, x = jax.lax.stop_gradient((first, x)) if frozen else (first, x)
        outputs = [first]
        for number in range(1, len(self.stage_sizes) + 1):
            outputs.append(x := self.stage(number, x, train))
        return outputs

    def stage(self, number: int, x: jax.Array, train: bool = False) -> jax.Array:
        """One of the stages 1, 2, ...: [B, H, W, C] -> [B, H', W', C']."""
        frozen = number <= self.frozen_stages
        blocks, train = getattr(self, f"layer{number}"), train and not frozen
        scanned = number - 1 in self.scanned
        remat = scanned if self.remat is None else self.remat
        before, total = sum(self.stage_sizes[: number - 1]), sum(self.stage_sizes)
        step = self.drop_path / max(total - 1, 1)
        rates = [step * (before + i) for i in range(self.stage_sizes[number - 1])]
        for block, rate in zip(blocks, rates, strict=False):
            x = run_block(block, x, train, rate, remat)
        if scanned:
            stack = getattr(self, f"layer{number}{REST}")
            x = run_stack(stack, x, train, rates[1:], remat)
        return jax.lax.stop_gradient(x) if frozen else x

    def head(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The last stage's output [B, H, W, C] to logits."""
        if self.bn_last is not None:
            x = self.activate(self.bn_last(x, train))
        x = global_avg_pool(x)
        if train and self.dropout:
            x = dropout(self.make_rng("dropout"), x, self.dropout)
        return self.fc(x) if self.num_classes else x

    @property
    def plan(self) -> list[Stage]:
        """The arguments of every block of every stage that are its own."""
        return plan_stages(
            self.stage_sizes,
            self.width,
            STEMS[self.stem].reduction,
            self.output_stride,
            self.widths,
            self.drop_block,
        )

    @property
    def scanned(self) -> tuple[int, ...]:
        """The stages, from 0, whose blocks after the first run in a loop."""
        least = {None: SCAN_FROM, True: 2}.get(self.scan_blocks, math.inf)
        return tuple(i for i, size in enumerate(self.stage_sizes) if size >= least)

    @property
    def prototypes(self) -> list[ResidualBlock]:
        """The first block of each stage, outside any network, to ask for its shape."""
        pairs = zip(block_constructors(self), self.plan, strict=True)
        return [block(**stage[0], parent=None) for block, stage in pairs]

    @property
    def first_width(self) -> int:
        """The stem's width, given or such that it ends with the first stage's."""
        first = per_stage(self.width, len(self.stage_sizes))[0]
        return self.stem_width or first // STEMS[self.stem].factors[-1]

    @property
    def feature_info(self) -> tuple[dict[str, Any], ...]:
        """Channels, stride and name of each of the outputs of `features`."""
        layout = STEMS[self.stem]
        channels = self.first_width * layout.factors[-1]
        info = [(channels, layout.strides, "stem")]
        reduction = layout.reduction
        for i, block in enumerate(self.prototypes, 1):
            reduction *= block.strides
            info.append((block.layers()[-1]["features"], reduction, f"layer{i}"))
        names = ("num_chs", "reduction", "module")
        return tuple(dict(zip(names, values, strict=True)) for values in info)

    @property
    def frozen_modules(self) -> tuple[str, ...]:
        """Patterns of the modules that `frozen_stages` holds still."""
        norm = () if self.prototypes[0].preact else ("bn1*",)
        pool = ("maxpool*",) if self.stem_pool == "conv" else ()
        return frozen_modules(self, ("conv1*", *norm, *pool))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that the network was made for."""
        side = self.image_size or STEMS[self.stem].image
        return (side, side, 3)
