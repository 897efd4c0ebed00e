"""Files of pytorch-CycleGAN-and-pix2pix and CUT, whose layers have numbers for names.

Zhu et al. 2017, arXiv:1703.10593, and Isola et al. 2017, arXiv:1611.07004, in the
authors' PyTorch code. Numbers depend on norm, dropout and anti-aliasing; the order of
the convolutions and of the norms does not, and is what is read here.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from resnet_jax.models.cyclegan import CYCLEGANS
from resnet_jax.models.patchgan import PATCHGANS
from resnet_jax.models.unet import UNETS

Arrays = Mapping[str, np.ndarray]
Layers = tuple[list[str], list[str]]

# Keys begin so, unless `read_weights` took it away.
PREFIX = r"(?:module\.|model\.|net\.)*"
# The numbers of a layer within one sequence, a block or a U-Net in a U-Net.
NUMBERED = rf"{PREFIX}\d+(?:\.(?:conv_block|model)\.\d+)*\.\w+"

# Where dropout puts the second convolution of a block, else a norm is.
DROPPED = r"\.conv_block\.6\."
# The layers up of a U-Net that drop values, which no key shows.
DROPPING = {"unet256": (2, 3, 4), "unet128": (2, 3)}


def resnet_layers(count: int) -> Layers:
    """Names of a residual generator's convolutions, of which it has so many, and norms.

    In the order of its sequence, as are those of the functions below.
    """
    ends = ["stem", "down1", "down2"], ["up1", "up2"]
    blocks = [(f"block{i + 1}", j) for i in range((count - 6) // 2) for j in (1, 2)]
    convs = [*ends[0], *(f"{block}.conv{j}" for block, j in blocks), *ends[1], "head"]
    before, after = ([f"{name}_norm" for name in names] for names in ends)
    return convs, [*before, *(f"{block}.norm{j}" for block, j in blocks), *after]


def unet_layers(count: int) -> Layers:
    """Names of a U-Net's convolutions, of which it has so many, and norms."""
    depth = count // 2
    down, up = range(1, depth + 1), range(depth, 0, -1)
    convs = [*(f"down{i}" for i in down), *(f"up{i}" for i in up)]
    norms = [f"down{i}_norm" for i in down[1:-1]], [f"up{i}_norm" for i in up[:-1]]
    return convs, [*norms[0], *norms[1]]


def patch_layers(count: int) -> Layers:
    """Names of a discriminator's convolutions, of which it has so many, and norms."""
    numbers = range(1, count)
    return [*(f"conv{i}" for i in numbers), "head"], [f"norm{i}" for i in numbers[1:]]


# The layers of each network, and the fields that its first and last one say.
LAYERS: dict[str, Callable[[int], Layers]] = {
    **dict.fromkeys(CYCLEGANS, resnet_layers),
    **dict.fromkeys(UNETS, unet_layers),
    **dict.fromkeys(PATCHGANS, patch_layers),
}
ENDS: dict[Callable[[int], Layers], tuple[str, str]] = {
    resnet_layers: ("stem", "head"),
    unet_layers: ("down1", "up1"),
    patch_layers: ("conv1", ""),
}


def read_translator(name: str, arrays: Arrays) -> tuple[Arrays, dict[str, Any]]:
    """The weights under our names of layers, and what they say of the network.

    Args:
        name: of the network, in LAYERS.
        arrays: a state dict, without counters of batches.

    Returns:
        The state dict, and fields of the network: channels, width, norm, resample, and
        where values were dropped. The old files' statistics of instance norm, which
        nothing used, are left away.

    Raises:
        ValueError: the weights have other layers.
    """
    layers, fields = LAYERS[name], dict[str, Any]()
    if is_numbered(arrays):
        blurred = any(key.endswith(".filt") for key in arrays)
        dropping = any(
            x.ndim == 4 for key, x in arrays.items() if re.search(DROPPED, key)
        )
        arrays, transposed = _renamed(name, arrays)
        if layers is resnet_layers:
            plain = "strided" if transposed else "resize"
            fields["resample"] = "antialias" if blurred else plain
            fields["dropout"] = 0.5 if dropping else 0.0
        elif layers is unet_layers:
            fields["dropping"] = DROPPING[name]
        elif layers is patch_layers:
            fields["antialias"] = blurred
    first, last = ENDS[layers]
    if (kernel := arrays.get(f"{first}.weight")) is not None and kernel.ndim == 4:
        fields |= {"width": len(kernel), "in_channels": kernel.shape[1]}
    if (kernel := arrays.get(f"{last}.weight")) is not None:
        fields["out_channels"] = len(kernel)
    averaged = any(key.endswith(".running_mean") for key in arrays)
    return arrays, {**fields, "norm": "batch" if averaged else "instance"}


def is_numbered(arrays: Arrays) -> bool:
    """Whether all keys are those of layers with numbers for names."""
    return bool(arrays) and all(re.fullmatch(NUMBERED, key) for key in arrays)


def recognize_translator(arrays: Arrays) -> str | None:
    """The name of the generator whose weights these are, None for anything else."""
    if not is_numbered(arrays):
        return None
    count = sum(value.ndim == 4 for key, value in arrays.items() if "filt" not in key)
    if any(".conv_block." in key for key in arrays):
        return {24: "cyclegan_resnet9", 18: "cyclegan_resnet6"}.get(count)
    nested = any(re.search(r"\d\.model\.\d", key) for key in arrays)
    return {16: "unet256", 14: "unet128"}.get(count) if nested else None


def _renamed(name: str, arrays: Arrays) -> tuple[Arrays, bool]:
    """The weights under our names, and whether any convolution was a transposed one."""
    weighted = [leaves for leaves in _modules(arrays) if "weight" in leaves]
    convs = [leaves for leaves in weighted if leaves["weight"].ndim == 4]
    norms = [leaves for leaves in weighted if leaves["weight"].ndim != 4]
    conv_names, norm_names = LAYERS[name](len(convs))
    if len(convs) != len(conv_names) or len(norms) not in (0, len(norm_names)):
        raise ValueError(
            f"the weights are not those of '{name}': they have {len(convs)}"
            f" convolutions and {len(norms)} norms. Name the architecture that they"
            " were trained with."
        )
    transposed = False
    for module, leaves in zip(conv_names, convs, strict=True):
        outputs, inputs = leaves["weight"].shape[:2]
        # Transposed ones have them in the other order, and not more outputs.
        if module.startswith("up") and outputs >= inputs:
            leaves["weight"] = leaves["weight"].swapaxes(0, 1)[:, :, ::-1, ::-1]
            transposed = True
    named = zip([*conv_names, *norm_names], [*convs, *norms], strict=False)
    flat = {f"{m}.{leaf}": x for m, leaves in named for leaf, x in leaves.items()}
    return flat, transposed


def _modules(arrays: Arrays) -> list[dict[str, np.ndarray]]:
    """The arrays of each layer in the order of the layers.

    Blurs and the old statistics of instance norm are layers without weights.
    """
    modules: dict[tuple[int, ...], dict[str, np.ndarray]] = defaultdict(dict)
    for key, value in arrays.items():
        path, _, leaf = key.rpartition(".")
        modules[tuple(map(int, re.findall(r"\d+", path)))][leaf] = value
    return [modules[place] for place in sorted(modules)]
