"""Generated images: the latents they come from and their variety."""

import jax
import jax.numpy as jnp
from jax import Array


def spread(fake: Array, real: Array, axis_name: str | None) -> Array:
    """How much fakes differ from each other, in units of how much reals do.

    The root of the variance over the batch, mean over pixels.
    """

    def variance(x):
        moments = jnp.stack([x.mean(0), jnp.square(x).mean(0)])
        if axis_name is not None:
            moments = jax.lax.pmean(moments, axis_name)
        return jnp.maximum(moments[1] - jnp.square(moments[0]), 0).mean()

    return jnp.sqrt(variance(fake) / jnp.maximum(variance(real), 1e-12))


def numbered(key: Array, index: Array, size: int) -> Array:
    """The latents [B, size] of the images with these numbers."""
    return jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (size,)))(
        index
    )
