"""Losses of learning from another network's answers."""

import jax
import jax.numpy as jnp
from jax import Array


def distillation_loss(student: Array, teacher: Array, temperature: float) -> Array:
    """How far the student's probabilities are from the teacher's.

    T^2 * mean KL(softmax(teacher / T) || softmax(student / T)). Hinton et al. 2015,
    arXiv:1503.02531, section 2; the factor keeps gradients of one size at any T.

    Args:
        student, teacher: logits [..., K].
        temperature: T, above 0; the higher, the more the small probabilities matter.

    Returns:
        Scalar, in nats, 0 where both agree.
    """
    wanted = jax.nn.log_softmax(teacher / temperature)
    found = jax.nn.log_softmax(student / temperature)
    divergence = (jnp.exp(wanted) * (wanted - found)).sum(-1)
    return temperature**2 * divergence.mean()
