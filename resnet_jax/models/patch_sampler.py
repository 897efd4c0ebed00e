"""Projections of features at random places, for the contrastive loss of CUT."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.nn.choice import choose
from resnet_jax.nn.dense import Dense
from resnet_jax.nn.initialization import KERNEL_INITS
from resnet_jax.nn.precision import at_least_float32, compute_dtype


def draw_places(
    key: jax.Array, features: Sequence[jax.Array], count: int = 256
) -> list[jax.Array]:
    """Different places of each map, row by row, the same in all examples.

    Park et al. 2020, arXiv:2007.15651, section 3.2: what is compared lies at the same
    places of two images, so they are drawn once for both.

    Args:
        key: of the random numbers.
        features: maps [B, H, W, C].
        count: how many; all of a map that has fewer.

    Returns:
        int32 [min(count, H W)] for each map.
    """
    sizes = [x.shape[1] * x.shape[2] for x in features]
    keys = jax.random.split(key, len(sizes))
    return [
        jax.random.permutation(k, size)[:count]
        for k, size in zip(keys, sizes, strict=True)
    ]


class PatchSampler(nn.Module):
    """Features at some places, each through a network of two layers, of length one.

    Park et al. 2020, arXiv:2007.15651, section 3.2: a network of its own for each map.
    Their code creates its params when it first runs; here they follow from the channels
    of the maps that `init` is given.

    Args:
        width: of both layers.
        kernel_init: a name in KERNEL_INITS; the paper's code has 'glorot_002'.
        dtype: what the layers compute in, or its name; params stay float32 (float64 for
            such a dtype).

    Raises:
        ValueError: a name is unknown.
    """

    width: int = 256
    kernel_init: str = "normal"
    dtype: Any = None

    def __post_init__(self) -> None:
        """Refuses wrong settings here, not when the network is first traced."""
        super().__post_init__()
        choose(KERNEL_INITS, self.kernel_init, "kernel_init")
        compute_dtype(self.dtype)

    @nn.compact
    def __call__(
        self, features: Sequence[jax.Array], places: Sequence[jax.Array]
    ) -> list[jax.Array]:
        """Maps [B, H, W, C] and places int [N] to unit vectors [B, N, width]."""
        init, dtype = KERNEL_INITS[self.kernel_init][1], compute_dtype(self.dtype)
        outputs = []
        for i, (x, chosen) in enumerate(zip(features, places, strict=True), 1):
            x = x.reshape(len(x), -1, x.shape[-1])[:, chosen]
            x = Dense(self.width, True, init, dtype=dtype, name=f"hidden{i}")(x)
            x = Dense(self.width, True, init, dtype=dtype, name=f"out{i}")(nn.relu(x))
            x = x.astype(at_least_float32(x.dtype))
            length = jnp.sqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-14)
            outputs.append(x / length)
        return outputs
