"""Photographs: those in folders, and those that come with installed libraries."""

import importlib.util
import pathlib
from collections.abc import Sequence

from resnet_jax.data.images import read_image
from resnet_jax.data.patches import PatchSource, WholeSource, check_patches, cut
from resnet_jax.data.photo_files import CACHE_GB, PhotoFiles, check_cache, find
from resnet_jax.data.splits import check_split

PHOTOS = (
    "skimage/data/astronaut.png",
    "skimage/data/chelsea.png",
    "skimage/data/coffee.png",
    "skimage/data/hubble_deep_field.jpg",
    "skimage/data/ihc.png",
    "skimage/data/motorcycle_left.png",
    "skimage/data/retina.jpg",
    "skimage/data/rocket.jpg",
    "sklearn/datasets/images/china.jpg",
    "sklearn/datasets/images/flower.jpg",
)
TEXTURES = (
    "skimage/data/brick.png",
    "skimage/data/grass.png",
    "skimage/data/gravel.png",
)


def images(
    split: str,
    *,
    root: str | Sequence[str],
    channels: int = 3,
    pattern: str = "*",
    patch: int | None = None,
    samples_per_example: int = 16,
    cache_gb: float = CACHE_GB,
) -> PatchSource | WholeSource:
    """Photographs of any size, without labels: PNG, JPEG, WebP and TIFF.

    Args:
        split: 'all', or the name of a folder in root; folders in it are read too.
        root: a folder, or several whose images come one after the other.
        channels: 1, 3 or 4, to which all images are converted.
        pattern: of the file names, such as '*_HR.png'.
        patch: side in pixels of the patches that stand for an image, at random places
            in training; None for whole images. Evaluations of whole images of
            different sizes run image by image.
        samples_per_example: patches per image and epoch.
        cache_gb: decoded images kept in memory by each process, in GiB.

    Raises:
        ValueError: no folder, no image in it, or a value out of range.
    """
    check_patches(patch, samples_per_example)
    check_cache(cache_gb)
    roots = [root] if isinstance(root, str) else list(root)
    files = [file for one in roots for file in find(one, split, pattern)]
    return cut(
        PhotoFiles(files, channels, cache_gb, patch or 1),
        (),
        patch,
        samples_per_example,
        " and ".join(roots),
        split,
    )


def photos(
    split: str, *, patch: int | None = 32, samples_per_example: int = 256
) -> PatchSource | WholeSource:
    """Patches of ten color photographs, without labels.

    The test patches come from the right quarter of each photograph, the training
    patches from the rest.

    Args:
        split: 'train' or 'test'.
        patch: side of a patch in pixels; None for the whole of each part.
        samples_per_example: patches per photograph and epoch.

    Raises:
        ValueError: a patch does not fit, or a photograph is not installed.
    """
    return _parts("photos", PHOTOS, split, 3, patch, samples_per_example)


def textures(
    split: str, *, patch: int | None = 32, samples_per_example: int = 256
) -> PatchSource | WholeSource:
    """Grey patches of three textures (512 x 512), labeled brick, grass or gravel.

    The test patches come from the right quarter of each texture. Arguments and errors
    are those of `photos`.
    """
    return _parts("textures", TEXTURES, split, 1, patch, samples_per_example)


def _parts(
    kind: str, paths: Sequence[str], split: str, channels: int, patch, samples
) -> PatchSource | WholeSource:
    check_split(split, ("train", "test"), kind)
    check_patches(patch, samples)
    images, names = [], []
    for path in paths:
        image = read_image(_installed(path), channels)
        border = image.shape[1] * 3 // 4
        part = image[:, :border] if split == "train" else image[:, border:]
        if (patch or 1) > min(part.shape[:2]):
            raise ValueError(
                f"a patch of {patch} pixels does not fit into the {split} part of "
                f"{pathlib.Path(path).stem}, {part.shape[0]} x {part.shape[1]} pixels."
            )
        images.append(part)
        names.append(pathlib.Path(path).stem)
    labels = names if kind == "textures" else ()
    return cut(images, labels, patch, samples, kind, split)


def _installed(path: str) -> pathlib.Path:
    """The file inside an installed package: read directly, nothing is downloaded."""
    package, rest = path.split("/", 1)
    spec = importlib.util.find_spec(package)
    folder = spec and spec.submodule_search_locations
    file = pathlib.Path(folder[0]) / rest if folder else None
    if file is None or not file.is_file():
        library = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[package]
        raise ValueError(f"{path} is missing: install {library} with its data files.")
    return file
