"""Weights that are published as single files, known by name and by sha256.

The files' names end in the first eight digits of their sha256, PyTorch's convention.
"""

import hashlib
import os
import pathlib
import re
import tempfile
import urllib.request
from collections.abc import Iterable
from typing import NamedTuple

from resnet_jax.files import cache_folder
from resnet_jax.pretrained.preprocessing import Preprocessing

URL = "https://download.pytorch.org/models/"
# torchvision 0.28, models/resnet.py: sha256 and the shorter side before a crop of 224,
# the newest weights last.
TORCHVISION: dict[str, dict[str, tuple[str, int]]] = {
    "resnet18": {"IMAGENET1K_V1": ("f37072fd", 256)},
    "resnet34": {"IMAGENET1K_V1": ("b627a593", 256)},
    "resnet50": {
        "IMAGENET1K_V1": ("0676ba61", 256),
        "IMAGENET1K_V2": ("11ad3fa6", 232),
    },
    "resnet101": {
        "IMAGENET1K_V1": ("63fe2227", 256),
        "IMAGENET1K_V2": ("cd907fc2", 232),
    },
    "resnet152": {
        "IMAGENET1K_V1": ("394f9c45", 256),
        "IMAGENET1K_V2": ("f82ba261", 232),
    },
    "resnext50_32x4d": {
        "IMAGENET1K_V1": ("7cdf4587", 256),
        "IMAGENET1K_V2": ("1a0047aa", 232),
    },
    "resnext101_32x8d": {
        "IMAGENET1K_V1": ("8ba56ff5", 256),
        "IMAGENET1K_V2": ("110c445d", 232),
    },
    "resnext101_64x4d": {"IMAGENET1K_V1": ("173b62eb", 232)},
    "wide_resnet50_2": {
        "IMAGENET1K_V1": ("95faca4d", 256),
        "IMAGENET1K_V2": ("9ba9bcbe", 232),
    },
    "wide_resnet101_2": {
        "IMAGENET1K_V1": ("32ee1156", 256),
        "IMAGENET1K_V2": ("d733dc28", 232),
    },
}
# github.com/akamaster/pytorch_resnet_cifar10, trained on CIFAR-10.
AKAMASTER = {"resnet20": "12fca82f", "resnet56": "4bfd9763"}


class Published(NamedTuple):
    """What is known of a file."""

    model: str
    preprocessing: Preprocessing


def imagenet_preset(side: int) -> Preprocessing:
    """torchvision's: resized to a shorter side, bilinear, and cropped to 224."""
    return Preprocessing((224, 224, 3), resize=side, interpolation="bilinear")


FILES: dict[str, Published] = {
    f"{name}-{digits}.pth": Published(name, imagenet_preset(side))
    for name, tags in TORCHVISION.items()
    for digits, side in tags.values()
} | {
    f"{name}-{digits}.th": Published(
        name, Preprocessing((32, 32, 3), resize=None, crop_mode="none")
    )
    for name, digits in AKAMASTER.items()
}


def recognize(path: pathlib.Path) -> Published | None:
    """What is known of a file: its name and its content must be the published ones."""
    known = FILES.get(path.name)
    return known if known and has_digits(path) else None


def has_digits(path: pathlib.Path) -> bool:
    """Whether the sha256 of a file begins with the digits that its name ends in."""
    match = re.search(r"-([0-9a-f]{8,})$", path.stem)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return match is not None and digest.startswith(match[1])


def find_file(names: Iterable[str]) -> pathlib.Path | None:
    """The first file of these names in the cache of PyTorch's hub, or in ours."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    torch = pathlib.Path(os.environ.get("TORCH_HOME") or cache / "torch").expanduser()
    for folder in (torch / "hub" / "checkpoints", cache_folder("weights")):
        for name in names:
            if (file := folder / name).is_file():
                return file
    return None


def download_torchvision(
    name: str,
    tag: str,
    cache_dir: str | os.PathLike | None = None,
    local_files_only: bool = False,
) -> pathlib.Path:
    """torchvision's file of a network, downloaded once and checked.

    Args:
        name, tag: in TORCHVISION.
        cache_dir: where it is kept; by default resnet_jax/weights in ~/.cache.
        local_files_only: no network.

    Raises:
        ValueError: it is not in the cache and cannot be downloaded, or arrives with
            another sha256.
    """
    folder = pathlib.Path(cache_dir or cache_folder("weights"))
    path = folder / f"{name}-{TORCHVISION[name][tag][0]}.pth"
    if path.exists():
        return path
    what = f"the weights torchvision/{name}.{tag}"
    if local_files_only:
        raise ValueError(f"{what} are not in '{folder}', and no download is allowed.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        fetched = pathlib.Path(temporary) / path.name
        try:
            urllib.request.urlretrieve(URL + path.name, fetched)
        except OSError as error:
            raise ValueError(
                f"{what} cannot be downloaded from {URL}{path.name} ({error}); put "
                f"that file into '{folder}'."
            ) from error
        if not has_digits(fetched):
            raise ValueError(
                f"{what} arrived with another sha256 than the published; try again."
            )
        os.replace(fetched, path)
    return path
