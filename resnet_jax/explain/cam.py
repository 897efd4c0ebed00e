"""Class activation maps: where in a stage's output the evidence for a class lies."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.explain.stage import stage_gradient


def grad_cam(
    model: nn.Module,
    variables: Any,
    images: Array,
    label: Array | None = None,
    *,
    stage: int = -1,
) -> Array:
    """Grad-CAM: a stage's maps, each weighted by its mean gradient.

    weight_k = mean over i, j of d y / d A_ijk; map = relu(sum over k of weight_k A_k).
    Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.

    Args:
        model: a classifier with the methods `features` and `head`.
        variables: its params and statistics.
        images: [B, H, W, C] in model units.
        label: int [B], the class of each image; None for the most probable.
        stage: an index into `features`; -1 for the last, as in the paper.

    Returns:
        [B, h, w], 0 or more, at the stage's own resolution.
    """
    maps, gradient = stage_gradient(model, variables, images, label, stage=stage)
    weights = gradient.mean((1, 2))
    return jax.nn.relu(jnp.einsum("bhwk,bk->bhw", maps, weights))


def grad_cam_plus_plus(
    model: nn.Module,
    variables: Any,
    images: Array,
    label: Array | None = None,
    *,
    stage: int = -1,
) -> Array:
    """Grad-CAM++: a place counts once for each map, however large the object is.

    weight_k = sum over i, j of alpha_ijk relu(g_ijk), with g = d y / d A and
    alpha = g^2 / (2 g^2 + (sum over a, b of A_abk) g^3): Chattopadhyay et al. 2018,
    arXiv:1710.11063, equation 19, for the score exp(y). The factor exp(y), one number
    per image, is left out. Made for maps that are not negative, as after a ReLU.

    Args:
        model: a classifier with the methods `features` and `head`.
        variables: its params and statistics.
        images: [B, H, W, C] in model units.
        label: int [B], the class of each image; None for the most probable.
        stage: an index into `features`; -1 for the last, as in the paper.

    Returns:
        [B, h, w], 0 or more, at the stage's own resolution.
    """
    maps, gradient = stage_gradient(model, variables, images, label, stage=stage)
    # Where g is positive, alpha is 1 / (2 + sum(A) g): g^2 would underflow.
    total = maps.sum((1, 2), keepdims=True)
    counted = jnp.where(gradient > 0, gradient / (2 + total * gradient), 0)
    weights = counted.sum((1, 2))
    return jax.nn.relu(jnp.einsum("bhwk,bk->bhw", maps, weights))
