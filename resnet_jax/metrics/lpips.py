"""LPIPS: a distance of images in a network's features that follows people's judgment.

Zhang et al. 2018, arXiv:1801.03924, section 3, version 0.1 of its code. The network and
its learned heads are someone else's (models.vgg, pretrained.lpips); AlexNet is what
figures are given for, VGG-16 what is trained against. State which.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

# Images [-1, 1] come to the mean and standard deviation of ImageNet.
SHIFT = np.array([-0.030, -0.088, -0.188], np.float32)
SCALE = np.array([0.458, 0.448, 0.450], np.float32)


def scale_images(images: Array) -> Array:
    """Images as LPIPS gives them to its networks.

    Args:
        images: RGB [B, H, W, 3] in [-1, 1].

    Returns:
        float32 [B, H, W, 3].
    """
    return (images.astype(jnp.float32) - SHIFT) / SCALE


def lpips(
    features: Sequence[Array], target: Sequence[Array], heads: Sequence[Array]
) -> Array:
    """The distance of each image from its target, equation 1.

    At every place features are divided by their length; squared differences are
    weighted by channel, and their means over places are summed over layers.

    Args:
        features, target: of the images and of those that they should be: an array
            [B, h, w, c] per layer, after its ReLU.
        heads: an array [c] per layer, of no negative weights.

    Returns:
        float32 [B], 0 for equal images.
    """
    total = jnp.zeros(len(features[0]), jnp.float32)
    for a, b, head in zip(features, target, heads, strict=True):
        difference = jnp.square(_unit_length(a) - _unit_length(b))
        total += (difference * head).sum(-1).mean((1, 2))
    return total


def _unit_length(x: Array) -> Array:
    """Vectors [..., c] divided by their length; zero stays zero, with a gradient."""
    x = x.astype(jnp.float32)
    return x * lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-20)
