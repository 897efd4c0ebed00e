"""The moving average of a network's weights."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


@dataclasses.dataclass(frozen=True)
class Averaging:
    """How the average follows the weights: ema = d * ema + (1 - d) * new.

    d is given as it is, or by the number of images in which old weights lose half their
    share: d = 0.5^(images of a step / half_life). Half-lives and their ramp are
    StyleGAN2-ADA's (Karras et al. 2020, arXiv:2006.06676, appendix B).

    Attributes:
        decay: d, 0 for none.
        every: steps between its updates. torchvision's recipes take 32.
        warmup: d is at most (1 + n) / (10 + n) after n updates, so that the first
            weights are soon forgotten (TensorFlow's ExponentialMovingAverage).
        half_life: images seen -> images, a schedule; in place of decay.
        batch_size: images of a step, for half_life.
        ramp: the half-life is at most this share of the images seen; None: no limit.

    Raises:
        ValueError: a value is out of range, or both decay and half_life are given.
    """

    decay: float = 0.0
    every: int = 1
    warmup: bool = False
    half_life: Callable[[Array], Array] | None = None
    batch_size: int = 1
    ramp: float | None = None

    def __post_init__(self):
        if not 0 <= self.decay < 1:
            raise ValueError(
                f"task.ema_decay is {self.decay}; expected 0 <= ema_decay < 1."
            )
        if self.every < 1:
            raise ValueError(f"task.ema_every is {self.every}; expected at least 1.")
        if self.decay and self.half_life is not None:
            raise ValueError(
                "task has ema_decay and ema_half_life; give one of them, or neither."
            )
        if self.ramp is not None and (self.ramp <= 0 or self.half_life is None):
            raise ValueError(
                f"task.ema_ramp is {self.ramp}; expected more than 0, and ema_half_life"
                " beside it."
            )

    def __bool__(self) -> bool:
        """Whether an average is kept."""
        return self.decay > 0 or self.half_life is not None

    def decay_at(self, step: Array) -> Array:
        """The d of the step that comes after `step` completed ones, 1 for no update."""
        updates, rest = jnp.divmod(step + 1, self.every)
        decay: float | Array = self.decay
        if self.half_life is not None:
            decay = self._decay_of_half_life(step)
        if self.warmup:
            decay = jnp.minimum(decay, updates / (9 + updates))
        return jnp.where(rest == 0, decay, 1.0)

    def _decay_of_half_life(self, step: Array) -> Array:
        assert self.half_life is not None
        # A float: whole numbers of 32 bits end at 2 billion images.
        seen = step * float(self.batch_size)
        half_life = jnp.asarray(self.half_life(seen))
        if self.ramp is not None:
            half_life = jnp.minimum(half_life, self.ramp * seen)
        # At half-life 0 the exponent is minus infinity and the average a copy.
        return jnp.exp2(-self.every * self.batch_size / half_life)


def average(ema: Any, new: Any, decay: float | Array) -> Any:
    """The moving average {'params', 'stats'} after one step.

    Floats move towards the new value. Vectors of spectral normalization, and whatever
    is not a float, are copied: an average of unit vectors is none.
    """

    def move(path, old, new):
        copied = any(getattr(p, "key", None) == "spectral" for p in path)
        if copied or not jnp.issubdtype(new.dtype, jnp.floating):
            return new
        return (decay * old + (1.0 - decay) * new).astype(old.dtype)

    return jax.tree_util.tree_map_with_path(move, ema, new)
