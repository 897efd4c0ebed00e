"""The numbers of the augmentation policies.

Strengths and learned pairs are those of torchvision 0.28 (transforms/autoaugment.py),
which follow Cubuk et al. 2018, arXiv:1805.09501, tables 7 to 9, Cubuk et al. 2019,
arXiv:1909.13719, and Müller and Hutter 2021, arXiv:2103.10158; the strengths of `TIMM`
are those of timm 1.0.31 (data/auto_augment.py).
"""

import functools
import math
from collections.abc import Callable

import numpy as np

# An operator, its magnitudes by strength (none: it takes no number), and whether they
# come with a random sign.
Row = tuple[str, tuple[float, ...], bool]
# An operator, its probability, and its strength (0 where it takes none).
Step = tuple[str, float, int]

# Largest shear, shift, rotation in degrees and change of color, and most bits cut off.
_NARROW = (0.3, 150 / 331, 30.0, 0.9, 4)
_WIDE = (0.99, 32.0, 135.0, 0.99, 6)


@functools.lru_cache(maxsize=64)
def magnitudes(policy: str, bins: int, height: int, width: int) -> tuple[Row, ...]:
    """The magnitudes that a policy may give torchvision's operators.

    Args:
        policy: 'auto_augment', 'rand_augment' or 'trivial_augment'.
        bins: number of strengths.
        height, width: of the image, in pixels; trivial_augment's shifts do not depend
            on them.

    Returns:
        A row per operator, in torchvision's order.
    """
    wide = policy == "trivial_augment"
    shear, shift, degrees, change, cut = _WIDE if wide else _NARROW
    across, down = (1, 1) if wide else (width, height)
    kept = 8 - np.rint(np.arange(bins, dtype=np.float32) / ((bins - 1) / cut))
    rows: tuple[Row, ...] = (
        ("shear_x", _line(0, shear, bins), True),
        ("shear_y", _line(0, shear, bins), True),
        ("translate_x", _line(0, shift * across, bins), True),
        ("translate_y", _line(0, shift * down, bins), True),
        ("rotate", _line(0, degrees, bins), True),
        ("brightness", _line(0, change, bins), True),
        ("color", _line(0, change, bins), True),
        ("contrast", _line(0, change, bins), True),
        ("sharpness", _line(0, change, bins), True),
        ("posterize", tuple(kept.tolist()), False),
        ("solarize", _line(255, 0, bins), False),
        ("auto_contrast", (), False),
        ("equalize", (), False),
    )
    if policy == "auto_augment":
        return (*rows, ("invert", (), False))
    return (("identity", (), False), *rows)


def operand(name: str, magnitude: float) -> float:
    """The number that the operator takes for torchvision's magnitude."""
    if name in ("brightness", "color", "contrast", "sharpness"):
        return 1.0 + magnitude
    if name in ("translate_x", "translate_y"):
        return int(magnitude)
    if name in ("shear_x", "shear_y"):
        # There and back, as torchvision, for the last bit's sake.
        return math.tan(math.radians(math.degrees(math.atan(magnitude))))
    return magnitude


def _line(start: float, stop: float, bins: int) -> tuple[float, ...]:
    """torch.linspace: from each end to the middle, each value rounded once."""
    step = float((np.float32(stop) - np.float32(start)) / np.float32(bins - 1))
    i = np.arange(bins)
    first, last = float(np.float32(start)), float(np.float32(stop))
    line = np.where(i < bins // 2, first + step * i, last - step * (bins - 1 - i))
    return tuple(line.astype(np.float32).tolist())


def _color(level, sign, increasing, height, width) -> float:
    if increasing:
        return max(0.1, 1.0 + sign * level / 10 * 0.9)
    return level / 10 * 1.8 + 0.1


def _posterize(level, sign, increasing, height, width) -> float:
    bits = int(level / 10 * 4)
    return 4 - bits if increasing else bits


def _solarize(level, sign, increasing, height, width) -> float:
    threshold = min(256, int(level / 10 * 256))
    return 256 - threshold if increasing else threshold


def _nothing(level, sign, increasing, height, width) -> float:
    return 0.0


# timm's operators: the operand for a level from 0 to 10, a sign (1 or -1), whether
# operators do more at higher levels, and the image's height and width.
TIMM: dict[str, Callable[[float, int, bool, int, int], float]] = {
    "auto_contrast": _nothing,
    "equalize": _nothing,
    "invert": _nothing,
    "rotate": lambda level, sign, *_: sign * (level / 10 * 30),
    "posterize": _posterize,
    "solarize": _solarize,
    "solarize_add": lambda level, *_: min(128, int(level / 10 * 110)),
    "color": _color,
    "contrast": _color,
    "brightness": _color,
    "sharpness": _color,
    "shear_x": lambda level, sign, *_: sign * (level / 10 * 0.3),
    "shear_y": lambda level, sign, *_: sign * (level / 10 * 0.3),
    # timm shifts the frame and not the picture: to the left, and upwards.
    "translate_x": lambda level, sign, _, h, w: -sign * (level / 10 * 0.45) * w,
    "translate_y": lambda level, sign, _, h, w: -sign * (level / 10 * 0.45) * h,
}

# Pairs of operators, one of which is chosen for an image.
AUTO_AUGMENT: dict[str, tuple[tuple[Step, Step], ...]] = {
    "imagenet": (
        (("posterize", 0.4, 8), ("rotate", 0.6, 9)),
        (("solarize", 0.6, 5), ("auto_contrast", 0.6, 0)),
        (("equalize", 0.8, 0), ("equalize", 0.6, 0)),
        (("posterize", 0.6, 7), ("posterize", 0.6, 6)),
        (("equalize", 0.4, 0), ("solarize", 0.2, 4)),
        (("equalize", 0.4, 0), ("rotate", 0.8, 8)),
        (("solarize", 0.6, 3), ("equalize", 0.6, 0)),
        (("posterize", 0.8, 5), ("equalize", 1.0, 0)),
        (("rotate", 0.2, 3), ("solarize", 0.6, 8)),
        (("equalize", 0.6, 0), ("posterize", 0.4, 6)),
        (("rotate", 0.8, 8), ("color", 0.4, 0)),
        (("rotate", 0.4, 9), ("equalize", 0.6, 0)),
        (("equalize", 0.0, 0), ("equalize", 0.8, 0)),
        (("invert", 0.6, 0), ("equalize", 1.0, 0)),
        (("color", 0.6, 4), ("contrast", 1.0, 8)),
        (("rotate", 0.8, 8), ("color", 1.0, 2)),
        (("color", 0.8, 8), ("solarize", 0.8, 7)),
        (("sharpness", 0.4, 7), ("invert", 0.6, 0)),
        (("shear_x", 0.6, 5), ("equalize", 1.0, 0)),
        (("color", 0.4, 0), ("equalize", 0.6, 0)),
        (("equalize", 0.4, 0), ("solarize", 0.2, 4)),
        (("solarize", 0.6, 5), ("auto_contrast", 0.6, 0)),
        (("invert", 0.6, 0), ("equalize", 1.0, 0)),
        (("color", 0.6, 4), ("contrast", 1.0, 8)),
        (("equalize", 0.8, 0), ("equalize", 0.6, 0)),
    ),
    "cifar10": (
        (("invert", 0.1, 0), ("contrast", 0.2, 6)),
        (("rotate", 0.7, 2), ("translate_x", 0.3, 9)),
        (("sharpness", 0.8, 1), ("sharpness", 0.9, 3)),
        (("shear_y", 0.5, 8), ("translate_y", 0.7, 9)),
        (("auto_contrast", 0.5, 0), ("equalize", 0.9, 0)),
        (("shear_y", 0.2, 7), ("posterize", 0.3, 7)),
        (("color", 0.4, 3), ("brightness", 0.6, 7)),
        (("sharpness", 0.3, 9), ("brightness", 0.7, 9)),
        (("equalize", 0.6, 0), ("equalize", 0.5, 0)),
        (("contrast", 0.6, 7), ("sharpness", 0.6, 5)),
        (("color", 0.7, 7), ("translate_x", 0.5, 8)),
        (("equalize", 0.3, 0), ("auto_contrast", 0.4, 0)),
        (("translate_y", 0.4, 3), ("sharpness", 0.2, 6)),
        (("brightness", 0.9, 6), ("color", 0.2, 8)),
        (("solarize", 0.5, 2), ("invert", 0.0, 0)),
        (("equalize", 0.2, 0), ("auto_contrast", 0.6, 0)),
        (("equalize", 0.2, 0), ("equalize", 0.6, 0)),
        (("color", 0.9, 9), ("equalize", 0.6, 0)),
        (("auto_contrast", 0.8, 0), ("solarize", 0.2, 8)),
        (("brightness", 0.1, 3), ("color", 0.7, 0)),
        (("solarize", 0.4, 5), ("auto_contrast", 0.9, 0)),
        (("translate_y", 0.9, 9), ("translate_y", 0.7, 9)),
        (("auto_contrast", 0.9, 0), ("solarize", 0.8, 3)),
        (("equalize", 0.8, 0), ("invert", 0.1, 0)),
        (("translate_y", 0.7, 9), ("auto_contrast", 0.9, 0)),
    ),
    "svhn": (
        (("shear_x", 0.9, 4), ("invert", 0.2, 0)),
        (("shear_y", 0.9, 8), ("invert", 0.7, 0)),
        (("equalize", 0.6, 0), ("solarize", 0.6, 6)),
        (("invert", 0.9, 0), ("equalize", 0.6, 0)),
        (("equalize", 0.6, 0), ("rotate", 0.9, 3)),
        (("shear_x", 0.9, 4), ("auto_contrast", 0.8, 0)),
        (("shear_y", 0.9, 8), ("invert", 0.4, 0)),
        (("shear_y", 0.9, 5), ("solarize", 0.2, 6)),
        (("invert", 0.9, 0), ("auto_contrast", 0.8, 0)),
        (("equalize", 0.6, 0), ("rotate", 0.9, 3)),
        (("shear_x", 0.9, 4), ("solarize", 0.3, 3)),
        (("shear_y", 0.8, 8), ("invert", 0.7, 0)),
        (("equalize", 0.9, 0), ("translate_y", 0.6, 6)),
        (("invert", 0.9, 0), ("equalize", 0.6, 0)),
        (("contrast", 0.3, 3), ("rotate", 0.8, 4)),
        (("invert", 0.8, 0), ("translate_y", 0.0, 2)),
        (("shear_y", 0.7, 6), ("solarize", 0.4, 8)),
        (("invert", 0.6, 0), ("rotate", 0.8, 4)),
        (("shear_y", 0.3, 7), ("translate_x", 0.9, 3)),
        (("shear_x", 0.1, 6), ("invert", 0.6, 0)),
        (("solarize", 0.7, 2), ("translate_y", 0.6, 7)),
        (("shear_y", 0.8, 4), ("invert", 0.8, 0)),
        (("shear_x", 0.7, 9), ("translate_y", 0.8, 3)),
        (("shear_y", 0.8, 5), ("auto_contrast", 0.7, 0)),
        (("shear_x", 0.7, 2), ("invert", 0.1, 0)),
    ),
}
