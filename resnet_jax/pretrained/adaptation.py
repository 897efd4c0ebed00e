"""Weights for another number of classes or of input channels, as timm does it."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from resnet_jax.models import create_classifier
from resnet_jax.pretrained.torch_weights import (
    HEAD_KEYS,
    STEM_KEYS,
    shapes,
    to_torch,
    torch_key,
)

Weights = Mapping[str, np.ndarray]
HEADS = tuple(key.removesuffix("weight") for key in HEAD_KEYS)


def num_classes_of(weights: Weights) -> int:
    """The outputs of a state dict's head, 0 where it has none."""
    return next((len(weights[key]) for key in HEAD_KEYS if key in weights), 0)


def channels_of(weights: Weights) -> int | None:
    """The input channels of a state dict's first convolution, None if it has none."""
    stem = next((weights[key] for key in STEM_KEYS if key in weights), None)
    return stem.shape[1] if stem is not None and stem.ndim == 4 else None


def without_offset(weights: Weights, offset: int) -> dict[str, np.ndarray]:
    """The weights without the head's first outputs, which stand for no class."""
    return {
        key: value[offset:] if key.startswith(HEADS) else value
        for key, value in weights.items()
    }


def with_channels(weights: Weights, channels: int) -> dict[str, np.ndarray]:
    """The first convolution for another number of input channels.

    One channel: the sum over the old ones. More: the old ones in turn, scaled by
    old / new, so that an input of equal channels gives what it gave.

    Raises:
        ValueError: channels is not positive, or there is no first convolution.
    """
    old = channels_of(weights)
    if old is None or channels < 1:
        raise ValueError(
            f"in_channels is {channels}; expected 1 or more, and weights with one of "
            f"{', '.join(STEM_KEYS)}."
        )
    if channels == old:
        return dict(weights)
    key = next(key for key in STEM_KEYS if key in weights)
    kernel = weights[key].astype(np.float32)
    if channels == 1:
        kernel = kernel.sum(1, keepdims=True)
    else:
        turns = math.ceil(channels / old)
        kernel = np.tile(kernel, (1, turns, 1, 1))[:, :channels] * (old / channels)
    return {**weights, key: kernel.astype(np.float32)}


def with_classes(
    weights: Weights, num_classes: int, model: str, fields: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """A freshly initialized head (none for 0 classes) in place of the old one.

    Raises:
        ValueError: num_classes is negative, or the model or a field is unknown.
    """
    if num_classes < 0:
        raise ValueError(f"num_classes is {num_classes}; expected 0 (none) or more.")
    body = {key: v for key, v in weights.items() if not key.startswith(HEADS)}
    if not num_classes:
        return body
    module = create_classifier(model, **{**fields, "num_classes": num_classes})
    channels = channels_of(weights)
    paths = [
        path
        for path in flatten_dict(shapes(module, channels))
        if torch_key(path).startswith(HEADS)
    ]

    def head(key: jax.Array, image: jax.Array) -> dict:
        flat = flatten_dict(module.init(key, image))
        return {path: flat[path] for path in paths}

    height, width, default = module.input_shape
    image = np.zeros((1, height, width, channels or default), np.float32)
    # Only the head's initialization is left of the compiled program.
    fresh = jax.jit(head)(jax.random.key(0), image)
    return {**body, **to_torch(unflatten_dict(fresh))}
