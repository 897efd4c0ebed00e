"""A folder of images without labels: flat or nested, all of one size."""

import hashlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from resnet_jax.data.images import SUFFIXES, read_image

THREADS = 8


def list_images(root: str | os.PathLike) -> list[pathlib.Path]:
    """The image files in a folder and in its folders, by path.

    Raises:
        ValueError: there is no such folder, or no image in it.
    """
    folder = pathlib.Path(root).expanduser()
    if not folder.is_dir():
        raise ValueError(f"there is no folder '{root}'; expected one with images.")
    found = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
    if not found:
        raise ValueError(f"folder '{root}' holds no {', '.join(SUFFIXES)} file.")
    return found


def content_digest(files: Sequence[pathlib.Path]) -> str:
    """64 digits that follow from the files' bytes and their order, not their names."""

    def digest(file: pathlib.Path) -> bytes:
        with open(file, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()

    with ThreadPoolExecutor(THREADS) as pool:
        return hashlib.sha256(b"".join(pool.map(digest, files))).hexdigest()


def read_batches(
    files: Sequence[pathlib.Path], channels: int, batch_size: int
) -> Iterator[np.ndarray]:
    """The images, uint8 [b, H, W, channels]; the last batch may be smaller.

    Args:
        files: in order.
        channels: see read_image; 16 bits become 8.
        batch_size: the most of one batch.

    Raises:
        BadImage: a ValueError naming the file.
        ValueError: two images differ in size.
    """

    def read(file: pathlib.Path) -> np.ndarray:
        image = read_image(file, channels)
        return image if image.dtype == np.uint8 else (image >> 8).astype(np.uint8)

    first = None
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(files), batch_size):
            batch = files[start : start + batch_size]
            images = list(pool.map(read, batch))
            first = images[0].shape if first is None else first
            for file, image in zip(batch, images, strict=True):
                if image.shape != first:
                    raise ValueError(
                        f"images of one folder must have one size: '{file}' has "
                        f"{_size(image.shape)} and '{files[0]}' {_size(first)}; bring "
                        "them to one size first."
                    )
            yield np.stack(images)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"
