"""What follows from a residual network's settings before any layer is made."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from resnet_jax.models.limits import check_shares, check_stages
from resnet_jax.nn.activation import activation
from resnet_jax.nn.attention import attention
from resnet_jax.nn.choice import choose
from resnet_jax.nn.convolution import convolution
from resnet_jax.nn.initialization import KERNEL_INITS
from resnet_jax.nn.normalization import normalization
from resnet_jax.nn.precision import compute_dtype
from resnet_jax.nn.resampling import BLURS
from resnet_jax.nn.residual import BLOCKS
from resnet_jax.nn.shortcut import SHORTCUTS
from resnet_jax.nn.stem import POOLS, STEMS
from resnet_jax.nn.stochastic import drop_block

# Sizes and shares of the squares that DropBlock drops in the last two stages (timm).
DROP_BLOCKS: dict[int, dict[str, Any]] = {
    -2: {"size": 5, "scale": 0.25},
    -1: {"size": 3, "scale": 1.0},
}
SHARES = ("dropout", "block_dropout", "drop_path", "drop_block")

# Fields that every block gets as they are.
FOR_BLOCKS = (
    "shortcut",
    "shortcut_kernel",
    "cardinality",
    "base_width",
    "reduce_first",
    "stride_on",
    "zero_init",
)

Stage = list[dict[str, Any]]


def per_stage(value: Any, count: int) -> Sequence[Any]:
    """A setting of each stage, from one for all or a tuple."""
    return value if isinstance(value, tuple | list) else (value,) * count


def block_constructors(model: Any) -> list[partial]:
    """Each stage's constructor of blocks, still without what `plan_stages` gives."""
    dtype = compute_dtype(model.dtype)
    kernel_init, _ = choose(KERNEL_INITS, model.kernel_init, "kernel_init")
    conv = convolution(model.conv, dtype=dtype, kernel_init=kernel_init)
    given = {
        "conv": conv,
        "norm": normalization(model.norm, axis_name=model.axis_name, dtype=dtype),
        "act": activation(model.act),
        "attention": attention(model.attention, conv=conv, dtype=dtype),
        "blur": BLURS[model.blur] if model.blur else None,
        "dropout": model.block_dropout,
        **{name: getattr(model, name) for name in FOR_BLOCKS},
    }
    return [
        partial(choose(BLOCKS, b, "block") if isinstance(b, str) else b, **given)
        for b in per_stage(model.block, len(model.stage_sizes))
    ]


def plan_stages(
    sizes: Sequence[int],
    width: int | Sequence[int],
    reduction: int,
    output_stride: int | None = None,
    widths: Sequence | None = None,
    drop_rate: float = 0.0,
) -> list[Stage]:
    """The arguments of each block of each stage that are its own.

    Every stage after the first halves the image, or from `output_stride` on doubles
    its dilation instead; the first 3x3 convolution of a stage still has that of the
    stage before (Yu et al. 2017, arXiv:1705.09914; as in timm).

    Args:
        sizes: blocks per stage.
        width: base channels of the first stage, doubled by each other, or of all.
        reduction: what the stem has divided the image's sides by.
        output_stride: the most that sides may be divided by, or None.
        widths: channels of each convolution of each block of each stage, or None.
        drop_rate: of DropBlock in the last two stages.
    """
    count, dilation, stages = len(sizes), 1, []
    doubling = 2 if isinstance(width, int) else 1
    for i, features in enumerate(per_stage(width, count)):
        before, strides = dilation, 2 if i else 1
        if output_stride and reduction * strides > output_stride:
            dilation, strides = dilation * strides, 1
        reduction *= strides
        stage: Stage = [
            {
                "features": features * doubling**i,
                "strides": 1 if j else strides,
                "dilations": (dilation if j else before, dilation),
            }
            for j in range(sizes[i])
        ]
        for j, block in enumerate(stage):
            if widths is not None:
                block["widths"] = widths[i][j]
            if drop_rate and i - count in DROP_BLOCKS:
                square = DROP_BLOCKS[i - count]
                block["drop_block"] = partial(drop_block, rate=drop_rate, **square)
        stages.append(stage)
    return stages


def check_settings(model: Any) -> None:
    """Refuses settings of a ResNet that are out of range or do not fit together.

    Raises:
        ValueError: says which.
    """
    layout = choose(STEMS, model.stem, "stem")
    choose(SHORTCUTS, model.shortcut, "shortcut")
    choose(POOLS, model.stem_pool, "stem_pool")
    if model.blur is not None:
        choose(BLURS, model.blur, "blur")
    count = len(model.stage_sizes)
    for name in ("width", "base_width", "cardinality", "reduce_first", "stem_width"):
        value = getattr(model, name)
        for number in value if isinstance(value, tuple | list) else (value,):
            if number is not None and number < 1:
                raise ValueError(f"{name} of a ResNet is {value}; expected 1 or more.")
    for name in ("block", "width", "widths"):
        value = getattr(model, name)
        if isinstance(value, tuple | list) and len(value) != count:
            raise ValueError(
                f"{name} of a ResNet has {len(value)} values for {count} stages:"
                " give one for each."
            )
    sizes = tuple(model.stage_sizes)
    if model.widths is not None and tuple(map(len, model.widths)) != sizes:
        raise ValueError(
            f"widths of this ResNet are of {tuple(map(len, model.widths))} blocks, not"
            f" of {sizes}: a pruned network keeps its stage_sizes."
        )
    check_shares(model, SHARES)
    check_stages(model, layout.reduction)
    if model.scanned and (model.drop_block or model.widths):
        raise ValueError(
            "scan_blocks needs blocks that are all alike; drop_block and widths make"
            " them differ: set scan_blocks=False."
        )
    if model.space_to_depth and layout.strides != 2:
        raise ValueError(f"space_to_depth needs a strided stem, not '{model.stem}'.")
    if model.zero_init and model.shortcut == "none":
        raise ValueError("zero_init without shortcuts lets nothing pass: drop it.")
