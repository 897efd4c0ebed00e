"""Equal blocks in a loop: traced and compiled once, however many there are."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

# The stack of a stage's blocks 1, 2, ... lies beside its first one, `layer1_0`.
REST = "_rest"

Variables = Mapping[str, Any]


def run_block(
    block: nn.Module, x: jax.Array, train: bool, drop_rate: Any, remat: bool
) -> jax.Array:
    """block(x, train, drop_rate), its inside computed again for the gradient if remat.

    Chen et al. 2016, arXiv:1604.06174: what a block computes on the way is not kept.
    """

    def run(block, x):
        return block(x, train, drop_rate)

    return nn.remat(run)(block, x) if remat else run(block, x)


def run_stack(
    stack: nn.Module,
    x: jax.Array,
    train: bool,
    drop_rates: Sequence[float],
    remat: bool,
) -> jax.Array:
    """One block after the other, whose variables are stacked along a first axis.

    Random numbers differ from those of the same blocks without a loop.

    Args:
        stack: a block; its variables get the leading axis len(drop_rates).
        x: [B, H, W, C], which the blocks do not change in shape.
        train: as blocks take it.
        drop_rates: of each block.
        remat: see run_block.
    """
    dropping = any(drop_rates)

    def run(block, x, rate):
        return block(x, train, rate if dropping else 0.0), None

    # Inside of a loop nothing can be merged across the barrier of remat anyway.
    loop = nn.scan(
        nn.remat(run, prevent_cse=False) if remat else run,
        variable_axes={True: 0},
        split_rngs={True: True},
        length=len(drop_rates),
    )
    return loop(stack, x, jnp.asarray(drop_rates, jnp.float32))[0]


def stack_blocks(variables: Variables, stages: Sequence[str]) -> dict[str, Any]:
    """Variables of separate blocks as those of stacks, NumPy or JAX arrays.

    Args:
        variables: by collection, with layer1_0, layer1_1, ... of one shape from 1 on.
        stages: names of the stages to stack, such as 'layer1'.
    """
    flat: dict[tuple, Any] = {}
    blocks: dict[tuple, dict[int, Any]] = defaultdict(dict)
    for path, value in flatten_dict(dict(variables)).items():
        collection, module, *rest = path
        stage, _, number = module.rpartition("_")
        if stage in stages and number.isdigit() and int(number) > 0:
            blocks[(collection, stage + REST, *rest)][int(number)] = value
        else:
            flat[path] = value
    for path, numbered in blocks.items():
        values = [numbered[number] for number in sorted(numbered)]
        flat[path] = (np if isinstance(values[0], np.ndarray) else jnp).stack(values)
    return unflatten_dict(flat)


def unstack_blocks(variables: Variables) -> dict[str, Any]:
    """Undoes stack_blocks; variables without stacks pass unchanged."""
    flat: dict[tuple, Any] = {}
    for path, value in flatten_dict(dict(variables)).items():
        collection, module, *rest = path
        if match := re.fullmatch(f"(.*){REST}", module):
            for number, each in enumerate(value, 1):
                flat[(collection, f"{match[1]}_{number}", *rest)] = each
        else:
            flat[path] = value
    return unflatten_dict(flat)
