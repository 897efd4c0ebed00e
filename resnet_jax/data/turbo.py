"""Parts of JPEG files by simplejpeg and OpenCV, in two thirds of Pillow's time."""

import functools
from types import ModuleType

import numpy as np


@functools.cache
def turbo_libraries() -> tuple[ModuleType, ModuleType]:
    """simplejpeg and cv2; ValueError where they are not installed."""
    try:
        import cv2
        import simplejpeg
    except ImportError as error:
        raise ValueError(
            "random_resized_crop decode='turbo' needs `pip install "
            "'resnet-jax[turbo]'`; 'scaled' and 'full' do not."
        ) from error
    return simplejpeg, cv2


def read_part(
    data: bytes,
    whole: tuple[int, int],
    box: tuple[int, int, int, int],
    size: int,
    scale: int,
    channels: int,
    method: str,
) -> np.ndarray:
    """A part of a JPEG file, resized to a square.

    Nothing is smoothed where the decoded part is less than twice as large as the
    result; from there on the mean of an area is taken, but for 'nearest'.

    Args:
        data: the file's bytes, of a grey or color image.
        whole: height and width of the image.
        box: top, left, height and width of the part.
        size: side of the result in pixels.
        scale: 1, 2, 4 or 8: decoded at 1/scale, and cut there at whole pixels.
        channels: 1 or 3.
        method: 'nearest', 'bilinear', 'bicubic' or 'lanczos'.

    Returns:
        uint8 [size, size, channels].

    Raises:
        ValueError: a damaged file.
    """
    simplejpeg, cv2 = turbo_libraries()
    height, width = (-(-side // scale) if scale > 1 else 0 for side in whole)
    space = "GRAY" if channels == 1 else "RGB"
    pixels = simplejpeg.decode_jpeg(data, space, min_height=height, min_width=width)
    y, x, h, w = box
    part = pixels[
        round(y / scale) : round((y + h) / scale),
        round(x / scale) : round((x + w) / scale),
    ]
    filters = {
        "nearest": cv2.INTER_NEAREST_EXACT,
        "bilinear": cv2.INTER_LINEAR,
        "bicubic": cv2.INTER_CUBIC,
        "lanczos": cv2.INTER_LANCZOS4,
        "area": cv2.INTER_AREA,
    }
    if min(part.shape[:2]) >= 2 * size and method != "nearest":
        method = "area"
    resized = cv2.resize(part, (size, size), interpolation=filters[method])
    return resized.reshape(size, size, channels)
