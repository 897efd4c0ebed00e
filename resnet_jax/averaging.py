"""The moving average of a network's weights."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


@dataclasses.dataclass(frozen=True)
class Averaging:
    """How the average follows the weights: ema = d * ema + (1 - d) * new.

    Attributes:
        decay: d, 0 for no average.
        every: steps between its updates. torchvision's recipes take 32.
        warmup: d is at most (1 + n) / (10 + n) after n updates, so that the first
            weights are soon forgotten (TensorFlow's ExponentialMovingAverage).

    Raises:
        ValueError: a value is out of range.
    """

    decay: float = 0.0
    every: int = 1
    warmup: bool = False

    def __post_init__(self):
        if not 0 <= self.decay < 1:
            raise ValueError(
                f"task.ema_decay is {self.decay}; expected 0 <= ema_decay < 1."
            )
        if self.every < 1:
            raise ValueError(f"task.ema_every is {self.every}; expected at least 1.")

    def __bool__(self) -> bool:
        """Whether an average is kept."""
        return self.decay > 0

    def decay_at(self, step: Array) -> Array:
        """The d of the step that comes after `step` completed ones, 1 for no update."""
        updates, rest = jnp.divmod(step + 1, self.every)
        decay: float | Array = self.decay
        if self.warmup:
            decay = jnp.minimum(decay, updates / (9 + updates))
        return jnp.where(rest == 0, decay, 1.0)


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
