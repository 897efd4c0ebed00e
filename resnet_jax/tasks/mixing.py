"""Mixup and CutMix on the device, one draw per batch."""

import jax
import jax.numpy as jnp
from jax import Array


def mix(
    key: Array, image: Array, target: Array, mixup: float, cutmix: float
) -> tuple[Array, Array]:
    """Mixes each example with the one that a permutation of the batch gives it.

    Args:
        key: PRNG key.
        image: [B, H, W, C].
        target: probabilities [B, K].
        mixup, cutmix: alpha of each one's Beta(alpha, alpha), 0 for none; where both
            are positive, a fair coin chooses for the batch.

    Returns:
        The mixed images and targets, same shapes.
    """
    order_key, coin_key, mixup_key, cutmix_key = jax.random.split(key, 4)
    order = jax.random.permutation(order_key, len(image))
    partner, other = image[order], target[order]
    mixed: list[tuple[Array, Array]] = []
    if mixup > 0:
        share = jax.random.beta(mixup_key, mixup, mixup)
        mixed.append((share * image + (1 - share) * partner, share))
    if cutmix > 0:
        keep = _outside_box(cutmix_key, cutmix, image.shape)[..., None]
        mixed.append((jnp.where(keep, image, partner), keep.mean()))
    if len(mixed) == 2:
        coin = jax.random.bernoulli(coin_key)
        (image, share), (cut, kept) = mixed
        mixed = [(jnp.where(coin, image, cut), jnp.where(coin, share, kept))]
    image, share = mixed[0]
    return image, share * target + (1 - share) * other


def _outside_box(key: Array, alpha: float, shape: tuple[int, ...]) -> Array:
    """Yun et al. 2019, arXiv:1905.04899, section 3.1: False [H, W] inside the box.

    The box has the aspect of the image, the area 1 - Beta(alpha, alpha), a uniform
    center, and is cut off at the border; its true area is what the targets follow.
    """
    share_key, *center_keys = jax.random.split(key, 3)
    side = jnp.sqrt(1.0 - jax.random.beta(share_key, alpha, alpha))
    inside = []
    for center_key, length in zip(center_keys, shape[1:3], strict=True):
        center = jax.random.uniform(center_key, maxval=length)
        distance = jnp.abs(jnp.arange(length) + 0.5 - center)
        inside.append(distance < side * length / 2)
    return ~(inside[0][:, None] & inside[1][None, :])
