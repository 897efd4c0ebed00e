"""State dicts of restorers and feature networks, in the keys of our own modules.

Those are BasicSR's where it has the network, so its files and our exports pass through.
"""

import re
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import numpy as np

Arrays = dict[str, np.ndarray]
Reader = Callable[[Arrays, nn.Module], tuple[Arrays, dict[str, Any]]]
Renames = tuple[tuple[str, str], ...]

# Each pair is replaced in every key, one after the other.
# EDSR-PyTorch (Lim et al.), and the code of RCAN's authors, which is made of it.
OFFICIAL: Renames = (
    (r"^head\.0\.", "conv_first."),
    (r"^body\.\d+\.(weight|bias)$", r"conv_after_body.\1"),
    (r"^tail\.0\.", "upsample."),
    (r"^tail\.1\.", "conv_last."),
)
EDSR: Renames = (
    *OFFICIAL,
    (r"^body\.(\d+)\.body\.0\.", r"body.\1.conv1."),
    (r"^body\.(\d+)\.body\.2\.", r"body.\1.conv2."),
)
RCAN: Renames = (
    *OFFICIAL,
    (r"\.conv_du\.0\.", ".attention.1."),
    (r"\.conv_du\.2\.", ".attention.3."),
    (r"^body\.(\d+)\.body\.(\d+)\.body\.", r"body.\1.residual_group.\2.rcab."),
    (r"^body\.(\d+)\.body\.\d+\.(weight|bias)$", r"body.\1.conv.\2"),
)
# The files of ESRGAN before and after its authors' first change of names.
RRDB: Renames = (
    (r"^model\.", ""),
    (r"^1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.", r"body.\1.rdb\2.conv\3."),
    (r"^1\.sub\.\d+\.(weight|bias)$", r"conv_body.\1"),
    (r"^0\.", "conv_first."),
    (r"^3\.", "conv_up1."),
    (r"^6\.", "conv_up2."),
    (r"^8\.", "conv_hr."),
    (r"^10\.", "conv_last."),
    (r"^RRDB_trunk\.(\d+)\.RDB", r"body.\1.rdb"),
    (r"^trunk_conv\.", "conv_body."),
    (r"^upconv", "conv_up"),
    (r"^HRconv\.", "conv_hr."),
)
# BasicSR's first files.
MSRRESNET: Renames = ((r"^recon_trunk\.", "body."), (r"^HRconv\.", "conv_hr."))
# Its layers are then numbered.
KAIR: Renames = ((r"^model\.", ""),)
# Lornatang's SRGAN-PyTorch, which has no biases before norms.
SRRESNET: Renames = (
    (r"^conv(?:_block)?1\.0\.", "conv_first."),
    (r"^conv(?:_block)?1\.1\.weight", "act_first.slope"),
    (r"^trunk\.(\d+)\.rcb\.0\.", r"body.\1.conv1."),
    (r"^trunk\.(\d+)\.rcb\.1\.", r"body.\1.bn1."),
    (r"^trunk\.(\d+)\.rcb\.2\.weight", r"body.\1.act.slope"),
    (r"^trunk\.(\d+)\.rcb\.3\.", r"body.\1.conv2."),
    (r"^trunk\.(\d+)\.rcb\.4\.", r"body.\1.bn2."),
    (r"^conv(?:_block)?2\.0\.", "conv_after_body."),
    (r"^conv(?:_block)?2\.1\.", "bn_after_body."),
    (r"^upsampling\.(\d+)\.upsample_block\.0\.", r"upsample.\1."),
    (r"^upsampling\.(\d+)\.upsample_block\.2\.weight", r"act.\1.slope"),
    (r"^conv(?:_block)?3\.", "conv_last."),
)


def read_srresnet(arrays: Arrays, model: nn.Module) -> tuple[Arrays, dict[str, Any]]:
    """Of SRGAN-PyTorch, which writes no zeros where we have biases."""
    arrays = renamed(arrays, SRRESNET)
    for key, kernel in list(arrays.items()):
        if kernel.ndim == 4:
            bias = np.zeros(len(kernel), kernel.dtype)
            arrays.setdefault(key.removesuffix("weight") + "bias", bias)
    return arrays, sizes(arrays)


def read_msrresnet(arrays: Arrays, model: nn.Module) -> tuple[Arrays, dict[str, Any]]:
    """Of BasicSR."""
    arrays = renamed(arrays, MSRRESNET)
    return arrays, sizes(arrays)


def read_edsr(arrays: Arrays, model: nn.Module) -> tuple[Arrays, dict[str, Any]]:
    """Of EDSR-PyTorch or BasicSR; the scale of branches is the name's."""
    arrays, mean = without_mean(renamed(arrays, EDSR), model)
    return arrays, {**sizes(arrays), **mean}


def read_rcan(arrays: Arrays, model: nn.Module) -> tuple[Arrays, dict[str, Any]]:
    """Of its authors or BasicSR."""
    arrays, mean = without_mean(renamed(arrays, RCAN), model)
    found = {**sizes(arrays), **mean}
    if "blocks" in found:
        found["groups"] = found["blocks"]
        found["blocks"] = count(arrays, r"body\.0\.residual_group\.(\d+)\.")
    if (hidden := first(arrays, r".*\.attention\.1\.weight")) is not None:
        found["reduction"] = hidden.shape[1] // len(hidden)
    return arrays, found


def read_rrdb(arrays: Arrays, model: nn.Module) -> tuple[Arrays, dict[str, Any]]:
    """Of ESRGAN, Real-ESRGAN or BasicSR, by any of three names."""
    arrays = renamed(arrays, RRDB)
    found = sizes(arrays)
    if "channels" in found:
        found["channels"] //= model.multiple**2
    if (dense := first(arrays, r".*\.rdb1\.conv1\.weight")) is not None:
        found["growth"] = len(dense)
    return arrays, found


def read_dncnn(arrays: Arrays, model: nn.Module) -> tuple[Arrays, dict[str, Any]]:
    """Of KAIR, which numbers all layers and has biases before norms.

    Such a bias moves only what the norm takes away again, so it goes into its mean.
    """
    arrays = numbered(renamed(arrays, KAIR))
    depth = sum(array.ndim == 4 for array in arrays.values())
    for key in [key for key in arrays if key.endswith(".running_mean")]:
        bias = arrays.pop(key.replace("bn", "conv").replace("running_mean", "bias"), 0)
        arrays[key] = arrays[key] - bias
    found: dict[str, Any] = {"depth": max(depth, 2)}
    if (kernel := arrays.get("conv1.weight")) is not None:
        found |= {"width": kernel.shape[0], "channels": kernel.shape[1]}
    if not any(key.startswith("bn") for key in arrays):
        found["norm"] = "none"
    return arrays, found


def read_features(arrays: Arrays, model: nn.Module) -> tuple[Arrays, dict[str, Any]]:
    """Of torchvision, without what follows the features; widths are the weights'."""
    network: Any = model
    layers, number = [], 0
    for name, *fields in network.layers:
        kernel = arrays.get(f"features.{number}.weight")
        is_conv = not name.startswith("pool")
        if is_conv and kernel is not None:
            fields[0] = len(kernel)
        layers.append((name, *fields))
        number += 2 if is_conv else 1
    kept = {k: v for k, v in arrays.items() if not k.startswith("classifier.")}
    return kept, {"layers": tuple(layers)}


def renamed(arrays: Arrays, renames: Renames) -> Arrays:
    """With other keys."""
    for pattern, name in renames:
        arrays = {re.sub(pattern, name, key): value for key, value in arrays.items()}
    return dict(arrays)


def numbered(arrays: Arrays) -> Arrays:
    """Layers 0, 2, 3, 5, ... as conv1, conv2, bn2, conv3, ...; others pass."""
    split = [key.partition(".") for key in arrays]
    if not all(layer.isdigit() for layer, *_ in split):
        return arrays
    names, convs = {}, 0
    for layer in sorted({int(layer) for layer, *_ in split}):
        kernel = arrays.get(f"{layer}.weight")
        is_conv = kernel is not None and kernel.ndim == 4
        convs += is_conv
        names[str(layer)] = f"conv{convs}" if is_conv else f"bn{convs}"
    return {f"{names[a]}.{b}": arrays[f"{a}.{b}"] for a, _, b in split}


def without_mean(arrays: Arrays, model: Any) -> tuple[Arrays, dict[str, Any]]:
    """Without EDSR-PyTorch's convolutions that shift by the mean, and that mean."""
    shift = {k: v for k, v in arrays.items() if k.startswith(("sub_mean", "add_mean"))}
    if (bias := shift.get("sub_mean.bias")) is None:
        return arrays, {}
    arrays = {key: value for key, value in arrays.items() if key not in shift}
    mean = -np.asarray(bias, np.float64) / model.value_range
    return arrays, {"mean": tuple(float(f"{value:.6g}") for value in mean)}


def sizes(arrays: Arrays) -> dict[str, Any]:
    """The fields that the first convolution and the blocks' numbers show."""
    found: dict[str, Any] = {}
    if (kernel := arrays.get("conv_first.weight")) is not None:
        found |= {"width": kernel.shape[0], "channels": kernel.shape[1]}
    if blocks := count(arrays, r"body\.(\d+)\."):
        found["blocks"] = blocks
    return found


def count(arrays: Arrays, pattern: str) -> int:
    """How many numbers the pattern finds in keys, which begin at 0."""
    found = [match for key in arrays if (match := re.match(pattern, key))]
    return max((int(match[1]) + 1 for match in found), default=0)


def first(arrays: Arrays, pattern: str) -> np.ndarray | None:
    """The first array whose key the pattern matches."""
    return next((v for key, v in arrays.items() if re.fullmatch(pattern, key)), None)


# By what a model's name begins with.
READERS: dict[str, Reader] = {
    "srresnet": read_srresnet,
    "msrresnet": read_msrresnet,
    "edsr": read_edsr,
    "rcan": read_rcan,
    "rrdb": read_rrdb,
    "dncnn17": read_dncnn,
    "dncnn20": read_dncnn,
    "vgg16": read_features,
    "vgg19": read_features,
    "alexnet": read_features,
}
