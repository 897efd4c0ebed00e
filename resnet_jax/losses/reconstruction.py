"""Losses of an image and the image that it should be, [B, H, W, C] each, to a scalar.

All are means over pixels and channels but DnCNN's, which is a sum over them. The last
decides only how large a gradient is beside weight decay and another loss's.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array


def l1_loss(image: Array, target: Array) -> Array:
    """Mean of |image - target|.

    Lim et al. 2017, arXiv:1707.02921, section 3.3 (EDSR); Isola et al. 2016,
    arXiv:1611.07004, equation 3 (pix2pix).
    """
    # jnp.abs has the slope 1 at zero; here it is 0, as in PyTorch.
    return jnp.maximum(image - target, target - image).mean()


def l2_loss(image: Array, target: Array) -> Array:
    """Mean of (image - target)^2. Ledig et al. 2016, arXiv:1609.04802, equation 4."""
    return jnp.square(image - target).mean()


def charbonnier_loss(image: Array, target: Array, epsilon: float = 1e-3) -> Array:
    """Mean of sqrt((image - target)^2 + epsilon^2), an l1 loss that is smooth at zero.

    Lai et al. 2017, arXiv:1704.03915, section 3.3, which takes 1e-3 for images in
    [0, 1].
    """
    return jnp.sqrt(jnp.square(image - target) + epsilon**2).mean()


def half_square_loss(image: Array, target: Array) -> Array:
    """Half the sum of (image - target)^2 of each image, mean over the images.

    Zhang et al. 2016, arXiv:1608.03981, equation 1 (DnCNN).
    """
    return 0.5 * jnp.square(image - target).sum() / len(image)


LOSSES: dict[str, Callable[[Array, Array], Array]] = {
    "l1": l1_loss,
    "l2": l2_loss,
    "charbonnier": charbonnier_loss,
    "half_square": half_square_loss,
}
