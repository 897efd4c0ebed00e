"""The Inception network whose features FID, KID and the inception score are made of."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from resnet_jax.nn.convolution import Conv, Pair
from resnet_jax.nn.normalization import BatchNorm
from resnet_jax.nn.precision import at_least_float32, compute_dtype
from resnet_jax.nn.resampling import global_avg_pool, max_pool

SMALLEST = 75  # pixels of a side that the convolutions without padding leave one of


class Inception(nn.Module):
    """Inception v3 as in TensorFlow's inception-2015-12-05.

    Szegedy et al. 2015, arXiv:1512.00567, section 6, as that graph has it and as
    pytorch-fid and torch-fidelity rebuild it: 1008 outputs; no auxiliary head; averages
    beside convolutions leave the padding out of the count; the last block takes the
    maximum there; batch norm with epsilon 1e-3. Modules have torchvision's names.

    Maps images [B, H, W, 3] in [-1, 1] to logits [B, num_classes] in at least float32;
    the head's input is the 2048 features called pool3.

    Args:
        num_classes: outputs of the head.
        axis_name: the mapped axis under pmap.
        dtype: what convolutions compute in, or its name; None takes the promoted type
            of images and params.
    """

    num_classes: int = 1008
    axis_name: str | None = None
    dtype: Any = None

    input_shape = (299, 299, 3)
    feature_info = (
        {"num_chs": 64, "reduction": 2, "module": "Conv2d_2b_3x3"},
        {"num_chs": 192, "reduction": 4, "module": "Conv2d_4a_3x3"},
        {"num_chs": 288, "reduction": 8, "module": "Mixed_5d"},
        {"num_chs": 768, "reduction": 16, "module": "Mixed_6e"},
        {"num_chs": 2048, "reduction": 32, "module": "Mixed_7c"},
    )

    def setup(self) -> None:
        """Makes the layers."""
        dtype = compute_dtype(self.dtype)
        given = {"axis_name": self.axis_name, "dtype": dtype}
        for name, arguments in STEM.items():
            setattr(self, name, ConvNorm(*arguments, **given))
        for name, (branches, pool) in BLOCKS.items():
            setattr(self, name, Mixed(FrozenDict(branches), pool, **given))
        wide = at_least_float32(dtype or jnp.float32)
        self.fc = nn.Dense(self.num_classes, param_dtype=wide)

    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Images [B, H, W, 3] in [-1, 1] to logits [B, num_classes]."""
        return self.head(self.features(x, train)[-1])

    def features(self, x: jax.Array, train: bool = False) -> list[jax.Array]:
        """The last map of each size: see `feature_info`."""
        if x.ndim != 4 or min(x.shape[1:3]) < SMALLEST:
            raise ValueError(
                f"Inception takes images [B, H, W, C] of at least {SMALLEST} x "
                f"{SMALLEST} pixels, not {x.shape}; resize them first."
            )
        kept = [info["module"] for info in self.feature_info]
        outputs = []
        for name in (*STEM, *BLOCKS):
            x = getattr(self, name)(x, train)
            if name in kept:
                outputs.append(x)
            if name in POOLED:
                x = max_pool(x, 3, 2)
        return outputs

    def head(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The last block's output [B, H, W, 2048] to logits."""
        return self.fc(global_avg_pool(x))


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, ReLU: [B, H, W, C] -> [B, H', W', C']."""

    features: int
    kernel_size: int | Pair
    strides: int = 1
    padding: int | None = None
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Keeps the size where `padding` is None and `strides` 1."""
        given = {"padding": self.padding, "dtype": self.dtype, "name": "conv"}
        x = Conv(self.features, self.kernel_size, self.strides, **given)(x)
        given = {"axis_name": self.axis_name, "dtype": self.dtype, "name": "bn"}
        return nn.relu(BatchNorm(epsilon=1e-3, **given)(x, train))


class Mixed(nn.Module):
    """Branches side by side, and one that pools, joined: [B, H, W, C] -> C'.

    Args:
        branches: name -> chains of convolutions; a tuple of two in a chain see the same
            input, and their outputs are joined.
        pool: what the last branch starts with; 'branch_pool' in branches follows it.
    """

    branches: Mapping[str, tuple]
    pool: Callable
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Numbers the convolutions of a branch where there are several."""
        outputs = []
        for branch, chain in self.branches.items():
            y = self.pool(x) if branch == "branch_pool" else x
            for i, layer in enumerate(chain, 1):
                name = f"{branch}_{i}" if len(chain) > 1 else branch
                y = self.convolve(layer, name, y, train)
            outputs.append(y)
        if "branch_pool" not in self.branches:
            outputs.append(self.pool(x))
        return jnp.concatenate(outputs, -1)

    def convolve(self, layer: tuple, name: str, x: jax.Array, train: bool) -> jax.Array:
        """One layer of a chain."""
        if isinstance(layer[0], tuple):
            pairs = zip(layer, "ab", strict=True)
            both = [self.convolve(one, name + side, x, train) for one, side in pairs]
            return jnp.concatenate(both, -1)
        given = {"axis_name": self.axis_name, "dtype": self.dtype, "name": name}
        return ConvNorm(*layer, **given)(x, train)


def average(x: jax.Array) -> jax.Array:
    """Means of 3x3 around every position, of what lies inside of the image."""
    margins = ((1, 1), (1, 1))
    means = nn.avg_pool(x, (3, 3), (1, 1), margins, count_include_pad=False)
    # The counts are in JAX's widest type.
    return means.astype(x.dtype)


def largest(x: jax.Array) -> jax.Array:
    """Maximum of 3x3 around every position."""
    return max_pool(x, 3, 1, padding=1)


def halved(x: jax.Array) -> jax.Array:
    """Maximum of 3x3 at every second position, without padding."""
    return max_pool(x, 3, 2)


WIDE, TALL = (1, 7), (7, 1)
HALVES = (2, 0)  # strides and padding
# Features, kernel, strides and padding of each convolution.
STEM: dict[str, tuple] = {
    "Conv2d_1a_3x3": (32, 3, *HALVES),
    "Conv2d_2a_3x3": (32, 3, 1, 0),
    "Conv2d_2b_3x3": (64, 3),
    "Conv2d_3b_1x1": (80, 1),
    "Conv2d_4a_3x3": (192, 3, 1, 0),
}
POOLED = ("Conv2d_2b_3x3", "Conv2d_4a_3x3")


def _block_35(pooled: int) -> tuple[dict[str, tuple], Callable]:
    """Of feature maps 35 x 35, for images of the usual size."""
    branches = {
        "branch1x1": ((64, 1),),
        "branch5x5": ((48, 1), (64, 5)),
        "branch3x3dbl": ((64, 1), (96, 3), (96, 3)),
        "branch_pool": ((pooled, 1),),
    }
    return branches, average


def _block_17(width: int) -> tuple[dict[str, tuple], Callable]:
    double = (width, TALL), (width, WIDE), (width, TALL), (192, WIDE)
    branches = {
        "branch1x1": ((192, 1),),
        "branch7x7": ((width, 1), (width, WIDE), (192, TALL)),
        "branch7x7dbl": ((width, 1), *double),
        "branch_pool": ((192, 1),),
    }
    return branches, average


def _block_8(pool: Callable) -> tuple[dict[str, tuple], Callable]:
    split = ((384, (1, 3)), (384, (3, 1)))
    branches = {
        "branch1x1": ((320, 1),),
        "branch3x3": ((384, 1), split),
        "branch3x3dbl": ((448, 1), (384, 3), split),
        "branch_pool": ((192, 1),),
    }
    return branches, pool


_TO_17 = {
    "branch3x3": ((384, 3, *HALVES),),
    "branch3x3dbl": ((64, 1), (96, 3), (96, 3, *HALVES)),
}
_TO_8 = {
    "branch3x3": ((192, 1), (320, 3, *HALVES)),
    "branch7x7x3": ((192, 1), (192, WIDE), (192, TALL), (192, 3, *HALVES)),
}
BLOCKS: dict[str, tuple[dict[str, tuple], Callable]] = {
    "Mixed_5b": _block_35(32),
    "Mixed_5c": _block_35(64),
    "Mixed_5d": _block_35(64),
    "Mixed_6a": (_TO_17, halved),
    "Mixed_6b": _block_17(128),
    "Mixed_6c": _block_17(160),
    "Mixed_6d": _block_17(160),
    "Mixed_6e": _block_17(192),
    "Mixed_7a": (_TO_8, halved),
    "Mixed_7b": _block_8(average),
    "Mixed_7c": _block_8(largest),
}
INCEPTIONS = {"inception_2015": Inception}
