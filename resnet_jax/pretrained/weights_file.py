"""The state dict in a file: safetensors, or PyTorch's without PyTorch."""

import os
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from resnet_jax.lookup import few
from resnet_jax.pretrained.torch_file import (
    LEGACY_START,
    ZIP_START,
    Tensor,
    array,
    read_torch_file,
)

SUFFIXES = (".safetensors", ".pth", ".th", ".bin", ".pt", ".tar")
# Where training scripts put the state dict, averaged weights first, as in timm and
# BasicSR.
NESTED = (
    *("state_dict_ema", "model_ema", "params_ema", "state_dict", "model_state_dict"),
    *("model", "net", "module", "params"),
)
# Wrappers: DataParallel, torch.compile, Lightning.
PREFIXES = ("module.", "_orig_mod.", "model.")
# Other names of layers: akamaster's and kuangliu's CIFAR networks.
RENAMES = ((r"^linear\.", "fc."), (r"\.shortcut\.", ".downsample."))
IGNORED = ("n_averaged",)
# Bytes of tensors per byte of a file: tied weights are stored once.
MAX_SHARING = 4
DTYPES: dict[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


def read_weights(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The state dict of a file, read as data: nothing in it is executed.

    A state dict inside a training checkpoint is found (averaged weights first), the
    prefixes of wrappers are cut off, and `linear` and `shortcut` of well-known CIFAR
    networks are called `fc` and `downsample`.

    Args:
        path: .safetensors, or a file of torch.save: .pth, .th, .pt, .bin.

    Returns:
        timm's or torchvision's keys -> read-only arrays in PyTorch's layouts.

    Raises:
        ValueError: the file is not there, damaged, of another kind, or a pickle that
            asks for more than tensors; in one sentence.
    """
    path = pathlib.Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"'{path}' cannot be read: {error.strerror}.") from error
    try:
        return _named(_tensors(data, path.suffix))
    except ValueError as error:
        raise ValueError(f"weights '{path}' are refused: {error}.") from error


def _tensors(data: bytes, suffix: str) -> dict[str, np.ndarray]:
    if data.startswith((ZIP_START, LEGACY_START)):
        tree, read = read_torch_file(data)
        tensors = {k: array(tensor, read) for k, tensor in _state_dict(tree).items()}
        if sum(tensor.nbytes for tensor in tensors.values()) > MAX_SHARING * len(data):
            raise ValueError("its tensors share their numbers too often to be weights")
        return tensors
    if suffix == ".safetensors":
        return _safetensors(data)
    if not data:
        raise ValueError("the file is empty")
    if data.startswith(b"version https://git-lfs"):
        raise ValueError("it is a pointer of Git LFS; fetch the file with `git lfs`")
    raise ValueError(
        "it is neither safetensors nor a file of torch.save, or its beginning is "
        "damaged"
    )


def _safetensors(data: bytes) -> dict[str, np.ndarray]:
    import safetensors

    try:
        entries = safetensors.deserialize(data)
    except safetensors.SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise ValueError(f"its safetensors are cut off or damaged ({reason})") from None
    tensors = {}
    for name, entry in entries:
        if entry["dtype"] not in DTYPES:
            raise ValueError(f"'{name}' has the unknown type {entry['dtype']}")
        values = np.frombuffer(entry["data"], DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def _state_dict(tree: Any) -> dict[str, Tensor]:
    """The state dict in what was saved."""
    found = tree
    while isinstance(found, dict):
        inner = [found[k] for k in NESTED if isinstance(found.get(k), dict)]
        if not inner:
            tensors = {k: v for k, v in found.items() if isinstance(v, Tensor)}
            if tensors:
                return tensors
            break
        found = inner[0]
    names = f": it has {few(tree)}" if isinstance(tree, dict) else ""
    raise ValueError(f"it holds no state dict{names}")


def _named(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The keys without the prefixes and in the names of timm."""
    named = {str(k): v for k, v in tensors.items() if k not in IGNORED}
    while prefix := next((p for p in PREFIXES if _all_start(named, p)), ""):
        named = {key.removeprefix(prefix): value for key, value in named.items()}
    for pattern, name in RENAMES:
        named = {re.sub(pattern, name, key): value for key, value in named.items()}
    return named


def _all_start(names: Iterable[str], prefix: str) -> bool:
    return all([name.startswith(prefix) for name in names] or [False])
