"""What an explanation explains: the logit of one class per image."""

import jax.numpy as jnp
from jax import Array


def of_class(logits: Array, label: Array | None = None) -> Array:
    """Logits [B, K] and classes int [B], None for the most probable, to logits [B]."""
    label = logits.argmax(-1) if label is None else jnp.asarray(label)
    return jnp.take_along_axis(logits, label[:, None], axis=-1)[:, 0]
