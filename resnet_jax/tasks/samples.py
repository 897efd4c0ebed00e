"""Generated images: the latents they come from and their variety."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array

# Of the deviation of real images: below it, all fakes are one image.
COLLAPSED = 0.05
# A gradient norm below which a discriminator stands still.
SILENT = 1e-7


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


def alarm(scalars: Mapping[str, float]) -> str:
    """What is wrong, with its remedy, in a game of such means; '' for nothing."""
    if scalars["spread"] < COLLAPSED:
        return (
            "the generator makes almost one image of all latents (they vary "
            f"{scalars['spread']:.3f} times as much as real ones). Take a loss "
            "with penalties (relativistic, r1 and r2), or a lower learning rate."
        )
    if scalars["discriminator_gradient_norm"] < SILENT:
        return (
            "the discriminator has nothing more to learn (a gradient of "
            f"{scalars['discriminator_gradient_norm']:.1e}), and so nothing to "
            "teach. Penalize its gradient (r1), or lower its learning rate."
        )
    return ""
