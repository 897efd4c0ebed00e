"""Losses in the features of a network: lists of arrays [B, h, w, c] to a scalar.

The network is someone else's; a list has one array per layer that is looked at.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import Array, lax

from resnet_jax.losses.reconstruction import l1_loss, l2_loss

Features = Sequence[Array]


def feature_loss(
    features: Features,
    target: Features,
    weights: Sequence[float] | None = None,
    distance: Callable[[Array, Array], Array] = l1_loss,
) -> Array:
    """Weighted sum over layers of the distance between features.

    ESRGAN takes one layer, VGG19's conv5_4 before its ReLU, with l1 (Wang et al. 2018,
    arXiv:1809.00219, section 3.3, and its code); SRGAN l2 of the same layer after it
    (Ledig et al. 2016, arXiv:1609.04802, equation 5).

    Args:
        features: of an image.
        target: of the image that it should be; gradients pass to both.
        weights: one per layer; 1 each by default.
        distance: of one layer, see losses.reconstruction.
    """
    weights = [1.0] * len(features) if weights is None else weights
    layers = zip(weights, features, target, strict=True)
    return sum((w * distance(a, b) for w, a, b in layers), jnp.float32(0))


def gram_matrix(features: Array) -> Array:
    """Mean product of every two channels over all places, divided by their number.

    Johnson et al. 2016, arXiv:1603.08155, equation 3.

    Args:
        features: [B, h, w, c].

    Returns:
        [B, c, c].
    """
    _, height, width, channels = features.shape
    exact = lax.Precision.HIGHEST
    products = jnp.einsum("bhwc,bhwd->bcd", features, features, precision=exact)
    return products / (height * width * channels)


def style_loss(
    features: Features, target: Features, weights: Sequence[float] | None = None
) -> Array:
    """Weighted sum over layers of the squared difference of Gram matrices.

    Johnson et al. 2016, arXiv:1603.08155, equation 4; mean over images. The two
    sides may differ in size.

    Args:
        features, target: one array per layer.
        weights: one per layer; 1 each by default.
    """
    grams, wanted = ([gram_matrix(x) for x in side] for side in (features, target))
    return feature_loss(grams, wanted, weights, _frobenius)


def _frobenius(a: Array, b: Array) -> Array:
    return l2_loss(a, b) * a.shape[-1] ** 2
