"""Activation functions by name."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from resnet_jax.nn.choice import choose


def identity(x: jax.Array) -> jax.Array:
    """No activation."""
    return x


ACTIVATIONS: dict[str, Callable] = {
    "elu": jax.nn.elu,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "identity": identity,
    "leaky_relu": partial(jax.nn.leaky_relu, negative_slope=0.2),
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
}


def activation(name: str | Callable) -> Callable:
    """An activation from its name; functions pass unchanged.

    Raises:
        ValueError: the name is not in ACTIVATIONS.
    """
    return name if callable(name) else choose(ACTIVATIONS, name, "activation")
