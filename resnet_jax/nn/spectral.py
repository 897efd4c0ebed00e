"""Spectral normalization: kernels divided by their largest singular value."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.dense import Dense, Embed


def spectrally_normalized(layer: Any, kernel: jax.Array) -> jax.Array:
    """The kernel over an estimate of its largest singular value.

    Miyato et al. 2018, arXiv:1802.05957, section 2.1 and algorithm 1. As a matrix W a
    kernel is [outputs, the rest]. The layer keeps the left singular vector u
    [outputs] in the collection 'spectral', drawn at random first, and the estimate is
    sigma = |W^T u|. A call that is to `update` and may write the collection advances u
    by one power iteration, and takes sigma = u^T W v with the new u; any other uses
    the stored u as it is. u and v are constants for the gradient.

    Args:
        layer: a module with the fields `update` and `epsilon`.
        kernel: [..., outputs].
    """
    matrix = kernel.reshape(-1, kernel.shape[-1])
    fixed = jax.lax.stop_gradient(matrix)
    dot = partial(jnp.dot, precision="highest")

    def draw() -> jax.Array:
        shape = kernel.shape[-1:]
        return _unit(
            jax.random.normal(layer.make_rng("params"), shape, kernel.dtype), 0
        )

    stored = layer.variable("spectral", "u", draw)
    u, v = stored.value, _unit(dot(fixed, stored.value), layer.epsilon)
    mutable = layer.is_mutable_collection("spectral") and not layer.is_initializing()
    if layer.update and mutable:
        stored.value = u = _unit(dot(v, fixed), layer.epsilon)
    sigma = dot(dot(v, matrix), u)
    return kernel / jnp.maximum(sigma, layer.epsilon)


def _unit(x: jax.Array, epsilon: float) -> jax.Array:
    """A vector of length 1."""
    return x / (jnp.linalg.norm(x) + epsilon)


class SpectralConv(Conv):
    """Convolution with a spectrally normalized kernel.

    Args:
        update: whether u advances, where it may be written: set to `train`.
        epsilon: least length of a vector.
    """

    update: bool = False
    epsilon: float = 1e-12

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """The normalized kernel."""
        return spectrally_normalized(self, kernel)


class SpectralDense(Dense):
    """Linear map with a spectrally normalized kernel; fields as in SpectralConv."""

    update: bool = False
    epsilon: float = 1e-12

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """The normalized kernel."""
        return spectrally_normalized(self, kernel)


class SpectralEmbed(Embed):
    """A vector per class of a normalized table; fields as in SpectralConv."""

    update: bool = False
    epsilon: float = 1e-12

    def prepare(self, table: jax.Array) -> jax.Array:
        """The normalized table."""
        return spectrally_normalized(self, table)


class Layers(NamedTuple):
    """Constructors of what a network is made of."""

    conv: Callable[..., nn.Module] = Conv
    dense: Callable[..., nn.Module] = Dense
    embed: Callable[..., nn.Module] = Embed


def layers(spectral: bool, train: bool, epsilon: float, **given: Any) -> Layers:
    """The layers of a network, plain or spectrally normalized.

    Args:
        spectral: whether kernels are normalized.
        train: whether this call is one that advances their vectors.
        epsilon: see SpectralConv.
        **given: further fields of all three (kernel_init, dtype).
    """
    kinds = Layers()
    if spectral:
        kinds = Layers(SpectralConv, SpectralDense, SpectralEmbed)
        given |= {"update": train, "epsilon": epsilon}
    return Layers(*(partial(kind, **given) for kind in kinds))
