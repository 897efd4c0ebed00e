"""Mixup and CutMix on the device, one draw per batch or per example."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

PER = ("batch", "example")


@dataclasses.dataclass(frozen=True)
class Mixing:
    """Mixes each example with the one that a permutation of the batch gives it.

    Mixup: Zhang et al. 2017, arXiv:1710.09412, section 2. CutMix: Yun et al. 2019,
    arXiv:1905.04899, section 3.1. How they switch is timm's.

    Attributes:
        mixup, cutmix: alpha of each one's Beta(alpha, alpha), 0 for none.
        probability: odds of mixing at all.
        cutmix_probability: odds of cutmix where both are on.
        per: what is decided at once, odds and shares: 'batch' or 'example'.

    Raises:
        ValueError: a value is out of range.
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    probability: float = 1.0
    cutmix_probability: float = 0.5
    per: str = "batch"

    def __post_init__(self):
        for name in ("mixup", "cutmix"):
            if (value := getattr(self, name)) < 0:
                raise ValueError(f"task.{name} is {value}; expected 0 (off) or more.")
        for name, field in (
            ("mix_probability", self.probability),
            ("cutmix_probability", self.cutmix_probability),
        ):
            if not 0 <= field <= 1:
                raise ValueError(f"task.{name} is {field}; expected 0 to 1.")
        if self.per not in PER:
            expected = " or ".join(map(repr, PER))
            raise ValueError(f"task.mix_per is '{self.per}'; expected {expected}.")

    def __bool__(self) -> bool:
        """Whether anything is mixed."""
        return (self.mixup > 0 or self.cutmix > 0) and self.probability > 0

    def __call__(self, key: Array, image: Array, target: Array) -> tuple[Array, Array]:
        """The mixed images and targets, same shapes.

        Args:
            key: PRNG key.
            image: [B, H, W, C].
            target: probabilities [B, K]; they follow the pixels.
        """
        order_key, own_key = jax.random.split(key)
        order = jax.random.permutation(order_key, len(image))
        own = self.own_share(own_key, image.shape)
        share = own.mean((1, 2, 3))[:, None]
        mixed = own * image + (1 - own) * image[order]
        return mixed, share * target + (1 - share) * target[order]

    def own_share(self, key: Array, shape: tuple[int, ...]) -> Array:
        """How much of each pixel an example keeps: [B or 1, H or 1, W or 1, 1]."""
        draws = shape[0] if self.per == "example" else 1
        use_key, cut_key, mixup_key, cutmix_key = jax.random.split(key, 4)

        def chance(key, probability):
            return jax.random.bernoulli(key, probability, (draws, 1, 1, 1))

        own = []
        if self.mixup > 0:
            share = jax.random.beta(mixup_key, self.mixup, self.mixup, (draws,))
            own.append(share[:, None, None, None])
        if self.cutmix > 0:
            own.append(_outside_boxes(cutmix_key, self.cutmix, draws, *shape[1:3]))
        if len(own) == 2:
            cut = chance(cut_key, self.cutmix_probability)
            own = [jnp.where(cut, own[1], own[0])]
        if self.probability < 1:
            own = [jnp.where(chance(use_key, self.probability), own[0], 1.0)]
        return own[0]


def _outside_boxes(key, alpha: float, draws: int, height: int, width: int) -> Array:
    """1.0 outside of a box, 0.0 inside: [draws, H, W, 1].

    A box has the aspect of the image, the area 1 - Beta(alpha, alpha), a uniform
    center, and is cut off at the border; its true area is what the targets follow.
    """
    share_key, *center_keys = jax.random.split(key, 3)
    side = jnp.sqrt(1.0 - jax.random.beta(share_key, alpha, alpha, (draws, 1)))
    inside = []
    for center_key, length in zip(center_keys, (height, width), strict=True):
        center = jax.random.uniform(center_key, (draws, 1), maxval=length)
        distance = jnp.abs(jnp.arange(length) + 0.5 - center)
        inside.append(distance < side * length / 2)
    box = inside[0][:, :, None] & inside[1][:, None, :]
    return jnp.where(box, 0.0, 1.0)[..., None]
