"""The published weights of Inception-2015: where they lie, and whether they are it."""

import hashlib
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import numpy as np

from resnet_jax.pretrained.published import find_file
from resnet_jax.pretrained.torch_weights import from_torch
from resnet_jax.pretrained.weights_file import read_weights

VARIABLE = "RESNET_JAX_INCEPTION"
# Two names of one file: pytorch-fid's and torch-fidelity's.
NAMES = (
    "pt_inception-2015-12-05-6726825d.pth",
    "weights-inception-2015-12-05-6726825d.pth",
)
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/" + NAMES[0]
)


def load_inception(
    path: str | os.PathLike = "",
) -> tuple[nn.Module, dict[str, Any], bool]:
    """Inception with published weights, without PyTorch.

    NVIDIA's inception-2015-12-05.pkl was made of the same graph, under names of its
    own, which are not read here; take one of NAMES in place of it.

    Args:
        path: the file; '' for that of the environment variable RESNET_JAX_INCEPTION,
            or else the first of NAMES in the cache of PyTorch's hub or in ours,
            resnet_jax/weights in ~/.cache. Safetensors are taken as well.

    Returns:
        The module, its variables as NumPy arrays, and whether the file's sha256 is the
        published one, without which no distance may be called FID.

    Raises:
        ValueError: the file is not there, a file of a published name has another
            content, or it holds other weights.
    """
    file = pathlib.Path(path) if path else find_inception()
    if not file.is_file():
        raise ValueError(f"there is no file of Inception weights '{file}': {REMEDY}")
    with open(file, "rb") as opened:
        published = hashlib.file_digest(opened, "sha256").hexdigest() == SHA256
    if file.name in NAMES and not published:
        raise ValueError(
            f"'{file}' is damaged: its sha256 is not {SHA256[:8]}..., the published "
            "one; download it again."
        )
    return *from_torch_inception(read_weights(file)), published


def find_inception() -> pathlib.Path:
    """Where the weights are on this machine.

    Raises:
        ValueError: nowhere; what to do is said.
    """
    if given := os.environ.get(VARIABLE):
        return pathlib.Path(given)
    if file := find_file(NAMES):
        return file
    raise ValueError(f"the weights of Inception are not on this machine: {REMEDY}")


REMEDY = (
    f"download {URL}, put it into ~/.cache/resnet_jax/weights, or anywhere with its "
    f"path in {VARIABLE}; or name a run of your own classifier instead of inception."
)


def from_torch_inception(
    weights: Mapping[str, np.ndarray],
) -> tuple[nn.Module, dict[str, Any]]:
    """Inception and its variables, of a state dict of pytorch-fid or torch-fidelity.

    Raises:
        ValueError: they are other weights; the first few keys are named.
    """
    # Modules that number their branches from one are lists elsewhere.
    numbered = {re.sub(r"_(\d+)\.", r".\1.", key): w for key, w in weights.items()}
    return from_torch("inception_2015", numbered)
