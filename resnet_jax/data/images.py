"""Image files become arrays here: bounded, upright, and never silently damaged."""

import contextlib
import io
import os
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

MAX_PIXELS = 50_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
ORIENTATION, _TURNED = 0x0112, 5  # EXIF; from 5 on height and width are swapped
_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


# What of an example is an image; the transforms act on each of them.
IMAGE_KEYS = frozenset(("image", "a", "b"))


class BadImage(ValueError):
    """An image that cannot be used; `data.on_bad_example` says what to do about it."""


def read_image(
    file: str | os.PathLike | bytes,
    channels: int | None = 3,
    size_hint: int | None = None,
    *,
    name: str = "",
) -> np.ndarray:
    """Decodes a PNG, JPEG, WebP or TIFF file, turned upright by its EXIF orientation.

    Palettes and CMYK are converted, alpha is dropped unless 4 channels are asked for,
    of several frames the first is taken.

    Args:
        file: a path, or the file's bytes.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and alpha); None for those of the file.
        size_hint: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, no smaller
            than this many pixels per side: several times faster.
        name: what messages call the image; its path by default.

    Returns:
        uint8 [H, W, channels]; uint16 for grey images of 16 bits (files with 16 bits
        per color are read as 8 bits).

    Raises:
        BadImage: a ValueError naming the file: empty, damaged, cut off, of another
            format, or over 50 million pixels, which is known before anything is
            decoded.
    """
    check_channels(channels)
    from PIL import ImageOps

    with opened(file, name) as image:
        if size_hint:
            image.draft("RGB", (size_hint, size_hint))
        ImageOps.exif_transpose(image, in_place=True)
        return to_array(image, channels)


def check_channels(channels: int | None) -> None:
    """Raises ValueError where images cannot be converted to so many."""
    if channels is not None and channels not in _MODES:
        raise ValueError(f"channels must be 1, 3 or 4, not {channels!r}.")


def is_grey(file: str | os.PathLike) -> bool:
    """Whether an image file has one channel. Raises BadImage as read_image."""
    with opened(file) as image:
        return _stored_channels(image) == 1


@contextlib.contextmanager
def opened(file: str | os.PathLike | bytes, name: str = "") -> Iterator[Any]:
    """A Pillow image that may be decoded; what fails inside the block is BadImage.

    Args:
        file: a path, or the file's bytes.
        name: what messages call the image; its path by default.

    Raises:
        BadImage: as read_image.
    """
    # Pillow's warnings are either errors here or of no interest. (catch_warnings is
    # not safe among threads, and several threads read images.)
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")
    if isinstance(file, bytes):
        if not file:
            raise BadImage(f"{name or 'the image'} is empty (0 bytes).")
        with _checked(io.BytesIO(file), name or "the image") as image:
            yield image
        return
    name = name or os.fspath(file)
    try:
        with open(file, "rb") as stream:
            if not os.fstat(stream.fileno()).st_size:
                raise BadImage(f"{name} is empty (0 bytes).")
            with _checked(stream, name) as image:
                yield image
    except OSError as error:
        raise BadImage(f"{name} cannot be read: {error.strerror or error}.") from error


def image_size(file: str | os.PathLike) -> tuple[int, int]:
    """Height and width of the image that read_image gives; only the header is read.

    Raises:
        BadImage: a ValueError naming the file: it is none.
    """
    from PIL import Image

    try:
        with Image.open(file, formats=FORMATS) as image:
            return upright_size(image)
    except Exception as error:  # on hostile bytes Pillow raises nearly anything
        raise BadImage(f"{os.fspath(file)} cannot be read: {error}.") from error


def upright_size(image: Any) -> tuple[int, int]:
    """Height and width of a Pillow image, not decoded yet, once it is upright."""
    turned = image.getexif().get(ORIENTATION, 1) >= _TURNED
    return (image.width, image.height) if turned else (image.height, image.width)


def with_depth(image: np.ndarray, dtype: np.dtype | type | str) -> np.ndarray:
    """Pixels uint8 or uint16 as either type; black stays black and white white.

    To 16 bits the byte is there twice, to 8 bits the high byte is kept.
    """
    if image.dtype == dtype:
        return image
    if image.dtype == np.uint16:
        return (image >> 8).astype(np.uint8)
    return image.astype(np.uint16) * 257


@contextlib.contextmanager
def _checked(stream, name: str) -> Iterator[Any]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(stream, formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > MAX_PIXELS:
                raise BadImage(
                    f"{name} has {pixels:,} pixels; images over {MAX_PIXELS:,} are "
                    "refused: scale it down or cut it up first."
                )
            yield image
    except BadImage:
        raise
    except UnidentifiedImageError as error:
        kinds = "PNG, JPEG, WebP or TIFF"
        raise BadImage(f"{name} is not a readable {kinds} image.") from error
    except Image.DecompressionBombError as error:
        raise BadImage(f"{name} is refused: {error} Allowed: {MAX_PIXELS}.") from error
    except Exception as error:  # on hostile bytes Pillow raises nearly anything
        raise BadImage(f"{name} is damaged: {error}.") from error


def to_array(image: Any, channels: int | None) -> np.ndarray:
    """A Pillow image as read_image gives it.

    Raises:
        ValueError: pixels of more than 16 bits.
    """
    channels = channels or _stored_channels(image)
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, 8 or 16 bits expected")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("its pixels have 32 bits, 8 or 16 expected")
        grey = values.astype(np.uint16)[..., None]
        return np.concatenate(
            [grey] * min(channels, 3) + [np.full_like(grey, 65535)] * (channels == 4),
            axis=-1,
        )
    array = np.asarray(in_mode(image, channels))
    return array[..., None] if channels == 1 else array


def in_mode(image: Any, channels: int) -> Any:
    """A Pillow image of 8 bits in grey (1 channel), RGB (3) or RGB and alpha (4)."""
    if image.mode in ("P", "PA", "LA", "La", "RGBa"):
        image = image.convert("RGBA")
    mode = _MODES[channels]
    return image if image.mode == mode else image.convert(mode)


def _stored_channels(image) -> int:
    if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
        return 1
    has_alpha = image.mode == "P" and "transparency" in image.info
    return 4 if has_alpha or image.mode.upper().endswith("A") else 3
