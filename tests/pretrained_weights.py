"""Weights that nobody trained, quickly drawn."""

import numpy as np
from flax.traverse_util import flatten_dict

from resnet_jax.models import create_model
from resnet_jax.pretrained.torch_weights import shapes, torch_key


def drawn(name, channels=None, **fields):
    """A state dict of random float32 numbers; variances are positive."""
    rng = np.random.default_rng(0)
    leaves = flatten_dict(shapes(create_model(name, **fields), channels))
    weights = {}
    for path, leaf in leaves.items():
        value = rng.standard_normal(leaf.shape, np.float32)
        if path[-1] == "kernel":
            value = np.moveaxis(value, (-1, -2), (0, 1))
            value = value / np.float32(value[0].size ** 0.5)
        weights[torch_key(path)] = abs(value) if path[-1] == "var" else value
    return weights
