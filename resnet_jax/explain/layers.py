"""What is inside: feature maps, filters, and statistics of each layer's parameters."""

import re
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax import Array

from resnet_jax.lookup import suggest


def feature_maps(model: nn.Module, variables: Any, images: Array) -> dict[str, Array]:
    """What the stem and each stage put out, [B, h, w, channels] by name.

    Args:
        model: with the method `features` and `feature_info`.
        variables: its params and statistics.
        images: [B, H, W, C] in model units.
    """
    maps = model.apply(variables, images, method="features")
    names = [info["module"] for info in model.feature_info]
    return dict(zip(names, maps, strict=True))


def filters(variables: Any, layer: str = "conv1") -> np.ndarray:
    """The kernels of a convolution, one small image each.

    Args:
        variables: of a model, with 'params'.
        layer: the '/'-joined path of a convolution, such as 'layer1_0/conv2'.

    Returns:
        [output channels, height, width, input channels of a group], as trained.

    Raises:
        ValueError: there is no such convolution.
    """
    known = {
        path.removesuffix("/kernel"): leaf
        for path, leaf in _leaves(variables["params"])
        if path.endswith("/kernel") and leaf.ndim == 4
    }
    if layer not in known:
        raise ValueError(f"there is no convolution '{layer}'. {suggest(layer, known)}")
    return np.moveaxis(known[layer], -1, 0)


def layer_statistics(tree: Mapping) -> list[dict[str, Any]]:
    """A row per array of a tree: parameters, or their gradients.

    Args:
        tree: params, or anything of their form.

    Returns:
        In the order of their names: layer (the '/'-joined path), shape, count, mean,
        std, norm (the root of the sum of squares) and zeros, the share of entries that
        are exactly 0.
    """
    rows = []
    for path, leaf in _leaves(tree):
        values = leaf.astype(np.float64)
        row = {
            "layer": path,
            "shape": "x".join(map(str, leaf.shape)),
            "count": leaf.size,
            "mean": float(values.mean()),
            "std": float(values.std()),
            "norm": float(np.sqrt(np.square(values).sum())),
            "zeros": float((values == 0).mean()),
        }
        rows.append(row)
    return rows


def _leaves(tree: Mapping) -> list[tuple[str, np.ndarray]]:
    """Paths and arrays; block 10 of a stage comes after block 9."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    named = [("/".join(k.key for k in path), np.asarray(leaf)) for path, leaf in leaves]
    return sorted(named, key=lambda item: _numbered(item[0]))


def _numbered(path: str) -> list[tuple[bool, int, str]]:
    """Sorts the numbers in a path by their value."""
    parts = re.split(r"(\d+)", path)
    return [
        (part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts
    ]
