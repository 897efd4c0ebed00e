"""The published linear heads of LPIPS 0.1: where they lie, and whether they are it."""

import hashlib
import importlib.util
import os
import pathlib
from typing import NamedTuple

import numpy as np

from resnet_jax.files import cache_folder
from resnet_jax.lookup import few, suggest
from resnet_jax.pretrained.weights_file import read_weights

URL = "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/"


class Heads(NamedTuple):
    """What a published file holds.

    Attributes:
        file: its name.
        channels: of each layer.
        sha256: of the file.
    """

    file: str
    channels: tuple[int, ...]
    sha256: str


HEADS = {
    "alexnet": Heads(
        "alex.pth",
        (64, 192, 384, 256, 256),
        "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    ),
    "vgg16": Heads(
        "vgg.pth",
        (64, 128, 256, 512, 512),
        "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    ),
}


def load_lpips_heads(
    network: str = "alexnet", path: str | os.PathLike = ""
) -> tuple[list[np.ndarray], bool]:
    """The heads of a network's layers, without PyTorch.

    Args:
        network: a name in HEADS.
        path: the file; '' for that of an installed package `lpips`, which is not
            imported, or for lpips_alex.pth or lpips_vgg.pth in ~/.cache/resnet_jax/
            weights. Safetensors are taken as well.

    Returns:
        float32 [c] per layer, and whether the file is the published one, without which
        no distance may be called LPIPS.

    Raises:
        ValueError: the network is unknown, the file is not there, or it holds other
            weights.
    """
    if network not in HEADS:
        raise ValueError(
            f"LPIPS has no heads for '{network}'. {suggest(network, HEADS)}"
        )
    known = HEADS[network]
    file = pathlib.Path(path) if path else find_lpips_heads(network)
    weights = read_weights(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    keys = [f"lin{i}.model.1.weight" for i in range(len(known.channels))]
    shapes = {key: (1, c, 1, 1) for key, c in zip(keys, known.channels, strict=True)}
    if {key: array.shape for key, array in weights.items()} != shapes:
        raise ValueError(
            f"'{file}' holds no heads of LPIPS for {network}: expected "
            f"{few(keys, 2)}, of {', '.join(map(str, known.channels))} channels, found "
            f"{few(weights)}; take {known.file} of version 0.1."
        )
    heads = [weights[key].reshape(-1).astype(np.float32) for key in keys]
    return heads, digest == known.sha256


def find_lpips_heads(network: str) -> pathlib.Path:
    """Where a network's heads are on this machine.

    Raises:
        ValueError: nowhere; what to do is said.
    """
    name = HEADS[network].file
    cached = cache_folder("weights") / f"lpips_{name}"
    package = importlib.util.find_spec("lpips")
    folders = (package and package.submodule_search_locations) or ()
    places = [pathlib.Path(folder, "weights", "v0.1", name) for folder in folders]
    for file in (*places, cached):
        if file.is_file():
            return file
    raise ValueError(
        f"the heads of LPIPS for {network} are not on this machine: download "
        f"{URL}{name} to {cached}, or `pip install --no-deps lpips`."
    )
