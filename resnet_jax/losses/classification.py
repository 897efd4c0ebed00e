"""Losses of classification: logits and target probabilities to a scalar."""

import jax
import jax.numpy as jnp
from jax import Array


def class_targets(labels: Array, num_classes: int, smoothing: float = 0.0) -> Array:
    """Target probabilities of integer labels.

    smoothing spreads that much of the mass evenly over all classes (Szegedy et al.
    2015, arXiv:1512.00567, section 7), as PyTorch's cross_entropy does.

    Args:
        labels: int [...]; -1 is ignored by every loss here.
        num_classes: K.
        smoothing: in [0, 1).

    Returns:
        float32 [..., K]; rows of ignored labels are zero.
    """
    hot = jax.nn.one_hot(labels, num_classes)
    smooth = (1.0 - smoothing) * hot + smoothing / num_classes
    return jnp.where(labels[..., None] >= 0, smooth, 0.0)


def cross_entropy_loss(logits: Array, targets: Array) -> Array:
    """Mean over the examples of -sum_k target_k log softmax(logits)_k.

    Args:
        logits: [..., K].
        targets: probabilities [..., K]; an example whose row is zero is not counted.

    Returns:
        Scalar, in nats; 0 where no example counts.
    """
    each = -(targets * jax.nn.log_softmax(logits)).sum(-1)
    return _mean_over_counted(each, targets)


def binary_cross_entropy_loss(
    logits: Array, targets: Array, threshold: float | None = None
) -> Array:
    """K independent yes-or-no questions, mean over classes and examples.

    Wightman et al. 2021, arXiv:2110.00476, section 2.1; the mean over classes is what
    timm's recipes use.

    Args:
        logits: [..., K].
        targets: [..., K] in [0, 1]; an example whose row is zero is not counted.
        threshold: targets above it become 1 and the others 0, so that a mixed image
            holds each of its classes fully; None leaves them as they are.

    Returns:
        Scalar, in nats; 0 where no example counts.
    """
    hard = targets if threshold is None else (targets > threshold).astype(targets.dtype)
    # log(1 - sigmoid(x)) is log_sigmoid(-x), without the cancellation.
    yes, no = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    each = -(hard * yes + (1.0 - hard) * no).mean(-1)
    return _mean_over_counted(each, targets)


def l1_penalty(params) -> Array:
    """Sum of the absolute values of all kernels; biases and scales of norms are free.

    Args:
        params: a tree of arrays; a kernel has two axes or more.
    """
    kernels = [p for p in jax.tree.leaves(params) if p.ndim > 1]
    return sum((jnp.abs(p).sum() for p in kernels), jnp.float32(0))


def _mean_over_counted(each: Array, targets: Array) -> Array:
    counted = targets.sum(-1) > 0
    return jnp.where(counted, each, 0.0).sum() / jnp.maximum(counted.sum(), 1)


LOSSES = {
    "cross_entropy": cross_entropy_loss,
    "binary_cross_entropy": binary_cross_entropy_loss,
}
