"""Heat as color, and over an image."""

import numpy as np

# Dark to light without turning back, so that more heat is always brighter.
COLORS = ((8, 6, 40), (84, 16, 110), (186, 44, 86), (244, 120, 26), (254, 240, 160))


def color_map(heat: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """A heat map for people: dark is none, light is the image's most.

    Args:
        heat: [h, w]; below 0 counts as 0.
        size: height and width of the picture, between whose pixels heat is
            interpolated; None for its own.

    Returns:
        uint8 [H, W, 3].
    """
    unit = _unit(heat, size or np.shape(heat))
    stops = np.linspace(0, 1, len(COLORS))
    channels = [np.interp(unit, stops, c) for c in np.transpose(COLORS)]
    return np.rint(np.stack(channels, -1)).astype(np.uint8)


def overlay(image: np.ndarray, heat: np.ndarray, opacity: float = 0.7) -> np.ndarray:
    """The image, covered by color where the heat is.

    Args:
        image: uint8 [H, W, 3], or [H, W, 1] or [H, W] in gray.
        heat: [h, w]; below 0 counts as 0. It is interpolated to the image's size.
        opacity: of the color at the hottest place, 0 to 1; at the coldest it is 0.

    Returns:
        uint8 [H, W, 3].

    Raises:
        ValueError: image is not a uint8 picture, or opacity is not from 0 to 1.
    """
    image = np.asarray(image)
    image = image[..., None] if image.ndim == 2 else image
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise ValueError(
            f"image is {image.dtype} {image.shape}; expected uint8 [H, W, 3], or 1 "
            "channel for gray."
        )
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity is {opacity}; expected 0 to 1.")
    size = (image.shape[0], image.shape[1])
    cover = opacity * _unit(heat, size)[..., None]
    mixed = (1 - cover) * image + cover * color_map(heat, size)
    return np.rint(mixed).astype(np.uint8)


def _unit(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Heat from 0 to 1, float32 of that size; no heat stays none."""
    from PIL import Image

    heat = np.maximum(np.asarray(heat, np.float32), 0)
    heat = heat / (heat.max() or 1)
    flat = Image.fromarray(heat)
    return np.asarray(flat.resize((size[1], size[0]), Image.Resampling.BILINEAR))
