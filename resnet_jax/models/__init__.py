"""Whole networks, by name."""

import fnmatch
import re
from collections.abc import Callable, Iterable
from typing import Any

import flax.linen as nn
from flax.core import FrozenDict

from resnet_jax.lookup import build
from resnet_jax.models.airbench import AIRBENCH
from resnet_jax.models.cifar_variants import CIFAR_RESNETS
from resnet_jax.models.cyclegan import CYCLEGANS
from resnet_jax.models.dcgan import DCGANS
from resnet_jax.models.inception import INCEPTIONS
from resnet_jax.models.patchgan import PATCHGANS
from resnet_jax.models.r3gan import R3GANS
from resnet_jax.models.resnet_gan_variants import RESNET_GANS
from resnet_jax.models.resnet_variants import RESNETS
from resnet_jax.models.resnetv2_variants import RESNETS_V2
from resnet_jax.models.restorers import RESTORERS
from resnet_jax.models.unet import UNETS
from resnet_jax.models.vgg import FEATURE_NETWORKS
from resnet_jax.models.vgg_discriminator import VGG_DISCRIMINATORS

# Images to logits of classes, with `input_shape` and `feature_info`.
CLASSIFIERS: dict[str, Callable] = {
    **RESNETS,
    **RESNETS_V2,
    **CIFAR_RESNETS,
    **AIRBENCH,
    **INCEPTIONS,
}
# Generators of images from latents, and the discriminators of those.
GANS: dict[str, Callable] = {**DCGANS, **RESNET_GANS, **R3GANS}
# Images to images in [-1, 1], with `in_channels`, `out_channels` and `multiple`.
TRANSLATORS: dict[str, Callable] = {**CYCLEGANS, **UNETS}
MODELS: dict[str, Callable] = {
    **CLASSIFIERS,
    **GANS,
    **TRANSLATORS,
    **PATCHGANS,
    **RESTORERS,
    **VGG_DISCRIMINATORS,
    **FEATURE_NETWORKS,
}


def create_model(name: str, **overrides: Any) -> nn.Module:
    """A network from the table, not yet initialized.

    Args:
        name: see `list_models`.
        **overrides: fields of its class; sections of a config where a field takes one,
            as in `create_model('resnet50', norm={'name': 'batch', 'group_size': 32})`.

    Raises:
        ValueError: the name, a field or its value is unknown.
    """
    # jit takes a module as a static argument only if all its fields can be hashed.
    hashable = {
        field: FrozenDict(value) if hasattr(value, "keys") else value
        for field, value in overrides.items()
    }
    return build(MODELS, {**hashable, "name": name}, "model")


def create_classifier(name: str, **overrides: Any) -> nn.Module:
    """As `create_model`, of those whose outputs are logits of classes.

    Raises:
        ValueError: the model is another one, or as `create_model`.
    """
    if name in MODELS and name not in CLASSIFIERS:
        raise ValueError(
            f"'{name}' does not classify images; take a model that does, such as"
            " resnet20."
        )
    return create_model(name, **overrides)


def list_models(pattern: str | Iterable[str] = "*") -> list[str]:
    """The names that match a shell pattern or one of several, resnet18 before 101."""
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    names = [n for n in MODELS if any(fnmatch.fnmatchcase(n, p) for p in patterns)]
    return sorted(names, key=_natural)


def default_input(name: str) -> tuple[int, int, int]:
    """Height, width and channels of the images that a classifier was made for."""
    return create_model(name).input_shape


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorts the numbers in a name by their value."""
    parts = re.split(r"(\d+)", name)
    return [(p.isdigit(), int(p) if p.isdigit() else 0, p) for p in parts]
