"""resnet-jax resize: the low-resolution images of super-resolution, and others."""

import re
from fractions import Fraction

import numpy as np

from resnet_jax.bicubic import Size, bicubic, scaled_size
from resnet_jax.data.images import MAX_PIXELS
from resnet_jax.verbs.image_files import Written, write_each

MOST = 1000


def resize(
    source: str, *, scale: str = "", size: str = "", crop: bool = False, out: str = ""
) -> Written:
    """Resizes images as MATLAB does and writes them as PNG files of the same names.

    With scale 1/2, 1/3, 1/4 and crop, what is made of the images of Set5, Set14, BSD100
    and Urban100 is what was published, sample for sample.

    Args:
        source: an image file, or a folder with all folders inside.
        scale: such as 1/4 or 4.
        size: of all results, 'HEIGHTxWIDTH', in place of a scale.
        crop: with a scale of 1/N, whether images first lose the rows below and the
            columns to the right that N does not divide.
        out: the folder to write, new or empty.

    Raises:
        ValueError: neither or both of scale and size, or something else than that, no
            image, or a folder that cannot be written to. A bad image among others is
            reported and left out.
    """
    if not out:
        raise ValueError(
            "resize needs --out: resnet-jax resize FOLDER --scale=1/4 --out=DIR."
        )
    if bool(scale) == bool(size):
        raise ValueError(
            "resize needs either --scale, such as 1/4, or --size=HEIGHTxWIDTH."
        )
    factor = _scale(scale) if scale else None
    wanted = _size(size) if size else None
    if crop and (factor is None or factor >= 1):
        raise ValueError("--crop is for a --scale below 1, such as 1/4; leave it out.")

    def change(image: np.ndarray) -> np.ndarray:
        if crop and factor:
            image = _cropped(image, factor.denominator)
        new = wanted or scaled_size(image.shape[:2], factor or 1)
        if new[0] * new[1] > MAX_PIXELS:
            raise ValueError(
                f"would have {new[0] * new[1]:,} pixels; images over {MAX_PIXELS:,} "
                "are refused: take a smaller scale."
            )
        return bicubic(image, factor, size=wanted)

    return write_each(source, out, change, "resize")


def _cropped(image: np.ndarray, multiple: int) -> np.ndarray:
    height, width = (side - side % multiple for side in image.shape[:2])
    if not height or not width:
        raise ValueError(
            f"has {image.shape[0]} x {image.shape[1]} pixels, less than the "
            f"{multiple} x {multiple} that --crop needs."
        )
    return image[:height, :width]


def _scale(text: str) -> Fraction:
    try:
        scale = Fraction(text)
    except (ValueError, ZeroDivisionError):
        scale = Fraction(0)
    if not Fraction(1, MOST) <= scale <= MOST:
        raise ValueError(
            f"--scale is '{text}'; expected a number such as 1/4, 0.5 or 2, "
            f"from 1/{MOST} to {MOST}."
        )
    return scale


def _size(text: str) -> Size:
    found = re.fullmatch(r"([1-9]\d{0,6})x([1-9]\d{0,6})", text)
    if not found:
        raise ValueError(f"--size is '{text}'; expected HEIGHTxWIDTH, such as 240x320.")
    return int(found[1]), int(found[2])
