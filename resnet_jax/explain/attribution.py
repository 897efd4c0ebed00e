"""What each pixel adds to the logit of a class."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.explain.target import of_class


def integrated_gradients(
    model: nn.Module,
    variables: Any,
    images: Array,
    label: Array | None = None,
    *,
    baseline: Array | float = 0.0,
    steps: int = 50,
) -> Array:
    """Integrated gradients: attributions that add up to what the image changes.

    (x - x') times the mean gradient on the straight line from the baseline x' to x;
    their sum is logit(x) - logit(x') ("completeness"). Sundararajan et al. 2017,
    arXiv:1703.01365, equation 1; the integral by the midpoint rule.

    Args:
        model: a classifier, model.apply(variables, images) -> logits [B, K].
        variables: its params and statistics.
        images: [B, H, W, C] in model units.
        label: int [B], the class of each image; None for the most probable.
        baseline: an image without information, in model units, of any shape that
            broadcasts: 0 is the data's mean color.
        steps: gradients that are averaged; the paper finds 20 to 300 enough.

    Returns:
        [B, H, W, C], of either sign.

    Raises:
        ValueError: steps is not positive.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; expected 1 or more.")
    label = _label(model, variables, images, label)
    way = images - baseline
    # A loop of calls, not of operations: convolutions in lax.scan are slow on a CPU.
    total = jnp.zeros_like(images)
    for i in range(steps):
        point = baseline + (i + 0.5) / steps * way
        total += _gradient(model, variables, point, label)
    return way * total / steps


def smooth_grad(
    model: nn.Module,
    variables: Any,
    images: Array,
    label: Array | None = None,
    *,
    key: Array | None = None,
    noise: float = 0.15,
    samples: int = 50,
) -> Array:
    """SmoothGrad: the mean gradient of noisy copies of the image.

    Smilkov et al. 2017, arXiv:1706.03825, section 3; noise of 10 to 20 % and 50
    samples are the paper's.

    Args:
        model: a classifier, model.apply(variables, images) -> logits [B, K].
        variables: its params and statistics.
        images: [B, H, W, C] in model units.
        label: int [B], the class of each image; None for the most probable.
        key: of the noise; None for a fixed one.
        noise: standard deviation, in units of each image's max - min.
        samples: noisy copies.

    Returns:
        [B, H, W, C], of either sign.

    Raises:
        ValueError: samples is not positive, or noise is negative.
    """
    if samples < 1 or noise < 0:
        raise ValueError(
            f"samples is {samples} and noise is {noise}; expected 1 or more, and 0 or "
            "more."
        )
    label = _label(model, variables, images, label)
    keys = jax.random.split(jax.random.key(0) if key is None else key, samples)
    axes = (1, 2, 3)
    span = images.max(axes, keepdims=True) - images.min(axes, keepdims=True)
    total = jnp.zeros_like(images)
    for one in keys:
        noisy = images + noise * span * jax.random.normal(one, images.shape)
        total += _gradient(model, variables, noisy, label)
    return total / samples


def strength(attributions: Array) -> Array:
    """Attributions [B, H, W, C] as heat [B, H, W], 0 or more.

    The channels' sum without its sign, no larger than its 99th percentile in the image:
    a few pixels would leave the rest dark (arXiv:1706.03825, section 3.1).
    """
    heat = jnp.abs(attributions.sum(-1))
    return jnp.minimum(heat, jnp.percentile(heat, 99, axis=(1, 2), keepdims=True))


@partial(jax.jit, static_argnames="model")
def _label(model, variables, images, label):
    """The classes to explain, which noise and baselines must not change."""
    return model.apply(variables, images).argmax(-1) if label is None else label


@partial(jax.jit, static_argnames="model")
def _gradient(model, variables, images, label):
    def total(x):
        return of_class(model.apply(variables, x), label).sum()

    return jax.grad(total)(images)
