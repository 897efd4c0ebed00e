"""The strength of an augmentation, led by how sure the discriminator is of reals."""

import dataclasses

import jax.numpy as jnp
from jax import Array


@dataclasses.dataclass(frozen=True)
class AdaptiveStrength:
    """More where too many real images are recognized as such, less where too few.

    Karras et al. 2020, arXiv:2006.06676, section 3.2: every few steps p rises or falls
    by a fixed amount, as E sign(D(real)) is above or below its target.

    Attributes:
        target: of E sign(D(real)), from -1 to 1.
        every: updates of the discriminator between changes of p.
        images: real images seen over which p can go from 0 to 1.

    Raises:
        ValueError: a value is out of range.
    """

    target: float = 0.6
    every: int = 4
    images: int = 500_000

    def __post_init__(self):
        if not -1 < self.target < 1:
            raise ValueError(
                f"adaptive target is {self.target}; expected between -1 and 1."
            )
        for name in ("every", "images"):
            if getattr(self, name) < 1:
                value = getattr(self, name)
                raise ValueError(f"adaptive {name} is {value}; expected at least 1.")

    def start(self) -> dict[str, Array]:
        """What a run keeps: the strength, and the signs summed up since it changed."""
        return {"strength": jnp.zeros(()), "signs": jnp.zeros(())}

    def follow(
        self, kept: dict[str, Array], sign_mean: Array, step: Array, batch_size: int
    ) -> dict[str, Array]:
        """What is kept after one more step.

        Args:
            kept: of start, or of the step before.
            sign_mean: of the logits of its augmented real images; the whole batch's.
            step: completed updates of the discriminator before this one.
            batch_size: real images of an update.
        """
        signs = kept["signs"] + sign_mean
        moved = adjust(
            kept["strength"],
            signs / self.every,
            self.every * batch_size,
            target=self.target,
            images=self.images,
        )
        due = (step + 1) % self.every == 0
        return {
            "strength": jnp.where(due, moved, kept["strength"]),
            "signs": jnp.where(due, 0.0, signs),
        }


def adjust(
    strength: Array, sign_mean: Array, seen: int, *, target: float, images: int
) -> Array:
    """strength + sign(sign_mean - target) * seen / images, within [0, 1].

    Args:
        strength: p so far.
        sign_mean: E sign(D(real)) over the images seen since p was changed.
        seen: their number.
        target: of sign_mean.
        images: over which p can go from 0 to 1.
    """
    change = jnp.sign(sign_mean - target) * (seen / images)
    return jnp.clip(strength + change, 0.0, 1.0)
