"""Changes of a picture by one number each: what augmentation policies are made of.

Pixel for pixel what torchvision 0.28 (torchvision.transforms on PIL images) and timm
1.0.31 (timm.data.auto_augment) compute, since all three are Pillow's. Pictures are
Pillow images of mode L or RGB.
"""

from collections.abc import Callable

from PIL import Image, ImageEnhance, ImageOps
from PIL.Image import Image as Picture

Fill = int | tuple[int, ...]


def identity(image: Picture, _: float) -> Picture:
    """The picture itself."""
    return image


def brightness(image: Picture, factor: float) -> Picture:
    """Blended with black; factor 1 is the picture itself."""
    return ImageEnhance.Brightness(image).enhance(factor)


def color(image: Picture, factor: float) -> Picture:
    """Blended with its grey version; factor 1 is the picture itself."""
    return ImageEnhance.Color(image).enhance(factor)


def contrast(image: Picture, factor: float) -> Picture:
    """Blended with its mean grey; factor 1 is the picture itself."""
    return ImageEnhance.Contrast(image).enhance(factor)


def sharpness(image: Picture, factor: float) -> Picture:
    """Blended with a smoothed version; factor 1 is the picture itself."""
    return ImageEnhance.Sharpness(image).enhance(factor)


def posterize(image: Picture, bits: float) -> Picture:
    """Only the highest bits, 0 to 8 of them, of each value are kept."""
    # Pillow from 13 on refuses 0, which timm's policies ask for: it is black.
    mask = 256 - 2 ** (8 - int(bits))
    return image.point([i & mask for i in range(256)] * len(image.getbands()))


def solarize(image: Picture, threshold: float) -> Picture:
    """Values from the threshold on are inverted."""
    table = [i if i < threshold else 255 - i for i in range(256)]
    return image.point(table * len(image.getbands()))


def solarize_add(image: Picture, amount: float) -> Picture:
    """The amount is added to values below 128."""
    table = [min(255, i + int(amount)) if i < 128 else i for i in range(256)]
    return image.point(table * len(image.getbands()))


def auto_contrast(image: Picture, _: float) -> Picture:
    """Each channel is stretched to the range from 0 to 255."""
    return ImageOps.autocontrast(image)


def equalize(image: Picture, _: float) -> Picture:
    """Each channel's histogram is made as even as possible."""
    return ImageOps.equalize(image)


def invert(image: Picture, _: float) -> Picture:
    """255 minus each value."""
    return ImageOps.invert(image)


def shear_x(image: Picture, factor: float, filter: str, fill: Fill) -> Picture:
    """Row y moves by factor * y pixels to the left."""
    return _affine(image, (1, factor, 0, 0, 1, 0), filter, fill)


def shear_y(image: Picture, factor: float, filter: str, fill: Fill) -> Picture:
    """Column x moves by factor * x pixels upwards."""
    return _affine(image, (1, 0, 0, factor, 1, 0), filter, fill)


def translate_x(image: Picture, pixels: float, filter: str, fill: Fill) -> Picture:
    """Moves to the right."""
    return _affine(image, (1, 0, -pixels, 0, 1, 0), filter, fill)


def translate_y(image: Picture, pixels: float, filter: str, fill: Fill) -> Picture:
    """Moves down."""
    return _affine(image, (1, 0, 0, 0, 1, -pixels), filter, fill)


def rotate(image: Picture, degrees: float, filter: str, fill: Fill) -> Picture:
    """Turns counter-clockwise about the center."""
    method = Image.Resampling[filter.upper()]
    return image.rotate(degrees, method, fillcolor=fill)


COLOR: dict[str, Callable[[Picture, float], Picture]] = {
    "identity": identity,
    "brightness": brightness,
    "color": color,
    "contrast": contrast,
    "sharpness": sharpness,
    "posterize": posterize,
    "solarize": solarize,
    "solarize_add": solarize_add,
    "auto_contrast": auto_contrast,
    "equalize": equalize,
    "invert": invert,
}
GEOMETRY: dict[str, Callable[[Picture, float, str, Fill], Picture]] = {
    "shear_x": shear_x,
    "shear_y": shear_y,
    "translate_x": translate_x,
    "translate_y": translate_y,
    "rotate": rotate,
}


def operate(
    image: Picture, name: str, value: float, filter: str = "nearest", fill: Fill = 0
) -> Picture:
    """The picture after the operator of that name.

    Args:
        image: mode L or RGB.
        name: in COLOR or GEOMETRY.
        value: the operator's number.
        filter: 'nearest', 'bilinear' or 'bicubic', of the operators that move pixels.
        fill: the color that they move in, 0 to 255, one number or one per channel.
    """
    if name in COLOR:
        return COLOR[name](image, value)
    return GEOMETRY[name](image, value, filter, fill)


def _affine(image: Picture, matrix, filter: str, fill: Fill) -> Picture:
    method = Image.Resampling[filter.upper()]
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, method, fillcolor=fill
    )
