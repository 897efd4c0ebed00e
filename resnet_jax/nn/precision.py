"""The floating-point types that networks compute in."""

from typing import Any

import jax.numpy as jnp

from resnet_jax.nn.choice import choose

DTYPES = {
    "float64": jnp.float64,
    "float32": jnp.float32,
    "bfloat16": jnp.bfloat16,
    "float16": jnp.float16,
    # A field that holds text stays text, so the command line cannot give it None.
    "none": None,
}


def compute_dtype(dtype: Any) -> Any:
    """A dtype from its name; dtypes and None (the input's own) pass unchanged.

    Raises:
        ValueError: it is no floating-point type.
    """
    named = isinstance(dtype, str | int | float)
    return choose(DTYPES, dtype, "dtype") if named else dtype


def at_least_float32(dtype: Any) -> Any:
    """The type for sums over many values: float32, or float64 where the input is."""
    return jnp.promote_types(dtype, jnp.float32)


def widened(dtype: Any) -> Any:
    """What a head computes in where its network has a dtype; None passes unchanged."""
    return None if dtype is None else at_least_float32(dtype)
