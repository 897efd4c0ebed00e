"""What a discriminator sees changed at random: on the device, and differentiable.

An augmentation is called as augment(images, key, strength, axis_name=None) and returns
images of the same shape. `strength` is the probability, in [0, 1], that an image is
changed in each of the ways; it may be traced. Gradients pass to the generator. Under
pmap each device gets its rows of the draws of the whole batch (parallel.rows).
"""

from collections.abc import Callable, Mapping

from resnet_jax.augment.ada import Ada
from resnet_jax.augment.adaptive import AdaptiveStrength
from resnet_jax.augment.diff_augment import DiffAugment
from resnet_jax.lookup import build

__all__ = ["AUGMENTATIONS", "AdaptiveStrength", "create_augment"]

AUGMENTATIONS: dict[str, Callable] = {"ada": Ada, "diff_augment": DiffAugment}


def create_augment(section: Mapping | str) -> Callable:
    """The augmentation of a config section: a name in AUGMENTATIONS with its arguments.

    Raises:
        ValueError: a name or value is unknown or out of range.
    """
    return build(AUGMENTATIONS, section, "augmentation")
