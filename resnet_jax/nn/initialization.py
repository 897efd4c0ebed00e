"""Initializers of kernels and biases, as the reference implementations draw them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn.initializers import normal, orthogonal, variance_scaling

# He et al. 2015, arXiv:1502.01852, eq. 10 and 14: variance 2 / fan, not truncated.
he_fan_in = variance_scaling(2.0, "fan_in", "normal")
he_fan_out = variance_scaling(2.0, "fan_out", "normal")

# PyTorch's default for linear layers: uniform within 1 / sqrt(fan_in).
uniform_fan_in = variance_scaling(1 / 3, "fan_in", "uniform")

# Glorot and Bengio 2010, eq. 16, and the same with gain sqrt(2), for ReLU.
glorot = variance_scaling(1.0, "fan_avg", "uniform")
glorot_relu = variance_scaling(2.0, "fan_avg", "uniform")

# Radford et al. 2015, arXiv:1511.06434, section 4.
normal_002 = normal(0.02)

# Park et al. 2020, arXiv:2007.15651, in its code: Glorot's normal one with gain 0.02.
glorot_002 = variance_scaling(0.02**2, "fan_avg", "normal")

# Initializers of the convolutions' kernels (where there are residual branches and
# shortcuts with other ones, the branches'), and of the head's and all others.
KERNEL_INITS = {
    "fan_out": (he_fan_out, uniform_fan_in),
    "fan_in": (he_fan_in, he_fan_in),
    "glorot": (glorot_relu, glorot),
    "orthogonal": (orthogonal(), orthogonal()),
    "normal": (normal_002, normal_002),
    "glorot_002": (glorot_002, glorot_002),
}


def scale_002(key, shape, dtype=None):
    """Scales of norms: N(1, 0.02), as kernels are drawn by `normal_002`."""
    return 1 + normal_002(key, shape, dtype)


def scaled_normal(gain: float) -> Callable:
    """N(0, gain / sqrt(fan_in)), not truncated."""
    return variance_scaling(gain**2, "fan_in", "normal")


def uniform_bias(fan_in: int) -> Callable:
    """PyTorch's default for biases: uniform within 1 / sqrt(fan_in)."""

    def init(key, shape, dtype=None):
        bound = fan_in**-0.5
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def partial_identity(key, shape, dtype=None):
    """A convolution that starts as the identity on as many channels as there are.

    Filter i passes channel i through its center; the filters beyond the input's
    channels are drawn as PyTorch draws them. Jordan 2024, arXiv:2404.00498.

    Args:
        shape: [kernel height, kernel width, inputs, outputs].
    """
    height, width, inputs, _ = shape
    kernel = uniform_fan_in(key, shape, dtype)
    identity = jnp.zeros((*shape[:2], inputs, min(shape[2:])), kernel.dtype)
    i = jnp.arange(min(shape[2:]))
    identity = identity.at[height // 2, width // 2, i, i].set(1)
    return kernel.at[..., : min(shape[2:])].set(identity)
