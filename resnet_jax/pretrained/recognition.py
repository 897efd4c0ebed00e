"""Which network from images to images some weights are of: keys and shapes say it."""

import re

import numpy as np

from resnet_jax.models.restorers import RESTORERS
from resnet_jax.pretrained.restorers import (
    EDSR,
    KAIR,
    MSRRESNET,
    RCAN,
    RRDB,
    SRRESNET,
    Arrays,
    Renames,
    numbered,
    renamed,
)
from resnet_jax.pretrained.translators import recognize_translator

# What no two families have after their renames, the more special ones first.
MARKS: tuple[tuple[str, Renames, str], ...] = (
    ("rcan", RCAN, "body.0.residual_group.0.rcab.0.weight"),
    ("rrdb", RRDB, "body.0.rdb1.conv1.weight"),
    ("srresnet", SRRESNET, "act_first.slope"),
    ("msrresnet", MSRRESNET, "upconv1.weight"),
    ("edsr", EDSR, "body.0.conv1.weight"),
)
ENDS = ("conv_first.weight", "conv_last.weight")
UPSAMPLING = r"(upsample\.|upconv)\d+\.weight"
# Outputs per input of a convolution before pixel shuffle: what sides grow by.
FACTORS = {4: 2, 9: 3}
# Inputs per output of a whole RRDB: its scale.
SQUARES = {1: 4, 4: 2}
# Width and blocks of EDSR's two sizes, whose branches have different scales.
SIZES = {(64, 16): ("edsr_baseline",), (256, 32): ("edsr",)}


def candidates(arrays: Arrays) -> tuple[str, ...]:
    """The networks that weights may be of.

    Args:
        arrays: a state dict as read_weights returns it.

    Returns:
        One name in TRANSLATORS or RESTORERS; several where they have the same weights
        and the rest cannot be known; none where nothing is known.
    """
    if name := recognize_translator(arrays):
        return (name,)
    for family, renames, mark in MARKS:
        found = renamed(arrays, renames)
        if mark in found and all(_is_kernel(found.get(key)) for key in ENDS):
            names = _edsr(found) if family == "edsr" else (family,)
            named = [f"{name}_x{scale_of(family, found)}" for name in names]
            return tuple(name for name in named if name in RESTORERS)
    return _denoisers(arrays)


def scale_of(family: str, arrays: Arrays) -> int:
    """How many times larger images become; 0 where that cannot be told."""
    if family == "rrdb":
        first, last = (arrays[key] for key in ENDS)
        return SQUARES.get(first.shape[1] // len(last), 0)
    scale = 1
    for key, kernel in arrays.items():
        if re.fullmatch(UPSAMPLING, key) and _is_kernel(kernel):
            scale *= FACTORS.get(len(kernel) // kernel.shape[1], 0)
    return scale


def _edsr(arrays: Arrays) -> tuple[str, ...]:
    """EDSR scales its branches by 0.1, its baseline does not: no weight shows it."""
    blocks = {key.split(".")[1] for key in arrays if key.startswith("body.")}
    size = len(arrays["conv_first.weight"]), len(blocks)
    return SIZES.get(size, ("edsr_baseline", "edsr"))


def _is_kernel(array: np.ndarray | None) -> bool:
    return array is not None and array.ndim == 4 and array.size > 0


def _denoisers(arrays: Arrays) -> tuple[str, ...]:
    """DnCNN, unless the layers are fewer: other networks are such stacks, too."""
    layers = numbered(renamed(arrays, KAIR))
    kernels = [value for value in layers.values() if _is_kernel(value)]
    if not kernels or not all(re.match(r"(conv|bn)\d+\.", key) for key in layers):
        return ()
    first, last = layers.get("conv1.weight"), layers.get(f"conv{len(kernels)}.weight")
    same = first is not None and last is not None and first.shape[1] == len(last)
    if not same or any(kernel.shape[2:] != (3, 3) for kernel in kernels):
        return ()
    name = f"dncnn{len(kernels)}"
    return (name,) if name in RESTORERS else ("dncnn17", "dncnn20")
