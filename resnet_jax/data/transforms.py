"""The table of transforms, and the order in which they act."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from resnet_jax.data import color, erasing, geometry, policies
from resnet_jax.lookup import build, suggest

# The order here is the order of action, whatever the order in a config: what changes
# the size first, then color, then erasing.
TRANSFORMS: dict[str, Callable[..., Any]] = {
    "resize": geometry.Resize,
    "crop_multiple": geometry.CropMultiple,
    "center_crop": geometry.CenterCrop,
    "random_crop": geometry.RandomCrop,
    "random_resized_crop": geometry.RandomResizedCrop,
    "scale_crop": geometry.ScaleCrop,
    "pad_crop_flip": geometry.PadCropFlip,
    "flip": geometry.Flip,
    "dihedral": geometry.Dihedral,
    "auto_augment": policies.AutoAugment,
    "rand_augment": policies.RandAugment,
    "trivial_augment": policies.TrivialAugment,
    "color_jitter": color.ColorJitter,
    "cutout": color.Cutout,
    "random_erasing": erasing.RandomErasing,
}


def build_transforms(section: Mapping[str, Any] | None) -> tuple:
    """The transforms of a config section, in the table's order.

    Args:
        section: {name: keyword arguments}; None in place of the arguments: left out.

    Raises:
        ValueError: an unknown name or argument, or a value out of range.
    """
    section = dict(section or {})
    for name, fields in section.items():
        if name not in TRANSFORMS:
            raise ValueError(f"unknown transform '{name}'. {suggest(name, TRANSFORMS)}")
        if fields is not None and not hasattr(fields, "items"):
            raise ValueError(
                f"transform '{name}' needs its keyword arguments, not {fields!r}."
            )
    return tuple(
        build(TRANSFORMS, {**dict(section[name]), "name": name}, "transform")
        for name in TRANSFORMS
        if section.get(name) is not None
    )


def count_draws(transforms: Sequence) -> int:
    """How many uniform numbers per image the transforms take together."""
    return sum(t.draws for t in transforms)


def one_size(transforms: Sequence) -> bool:
    """Whether images of any size come out alike."""
    return any(getattr(t, "one_size", False) for t in transforms)


def keeps_places(transforms: Sequence) -> bool:
    """Whether they do the same to an image and to the same image enlarged."""
    return all(isinstance(t, geometry.Flip | geometry.Dihedral) for t in transforms)


def apply_transforms(transforms: Sequence, images, u: np.ndarray | None = None):
    """Applies the transforms one after the other.

    Args:
        transforms: of build_transforms.
        images: uint8 or uint16 [B, H, W, C], or a list of images of different sizes.
        u: float [B, count_draws(transforms)] in [0, 1); not needed where none draws.

    Returns:
        The images, [B, H', W', C].

    Raises:
        ValueError: sizes that a transform cannot handle.
    """
    start = 0
    for transform in transforms:
        stop = start + transform.draws
        images = transform(images, None if u is None else u[:, start:stop])
        start = stop
    return images
