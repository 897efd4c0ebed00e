"""Weights and images that two libraries make alike without exchanging them.

Every array follows from its key and shape alone. NumPy only: this runs beside PyTorch
and beside JAX.
"""

import math
import zlib
from collections.abc import Mapping

import numpy as np


def draw(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The values of one tensor of a PyTorch state dict, float64.

    Kernels are normal with variance 1 / fan in: through ReLU a layer halves the power,
    so that a branch adds little to its shortcut, hundreds of times over. Scales and
    variances lie in [0.5, 1.5], everything else is normal of 0.1. All are exact in
    float32, so that networks of both precisions hold the same numbers.
    """
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    leaf = key.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return np.zeros(shape)
    if len(shape) < 2 and leaf in ("weight", "v", "running_var"):
        values = rng.random(shape, np.float32) + np.float32(0.5)
    else:
        spread = 0.1 if len(shape) < 2 else math.prod(shape[1:]) ** -0.5
        values = rng.standard_normal(shape, np.float32) * np.float32(spread)
    return values.astype(np.float64)


def draw_all(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """A whole state dict from its keys and shapes, float32 to need less memory."""
    return {key: draw(key, shape).astype(np.float32) for key, shape in shapes.items()}


def images(height: int, width: int, channels: int = 3) -> np.ndarray:
    """One normalized image, float64 [1, H, W, C], exact in float32."""
    rng = np.random.default_rng(height * 1000 + width)
    shape = (1, height, width, channels)
    return rng.standard_normal(shape, np.float32).astype(np.float64)
