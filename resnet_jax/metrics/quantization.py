"""Images as they would be stored: what a metric sees, whatever made them."""

import jax.numpy as jnp
from jax import Array


def to_uint8(images: Array) -> Array:
    """Model units [-1, 1] to uint8 of the same shape: round(127.5 x + 127.5), clipped.

    Every pixel goes to the nearest of the 256 values. NVIDIA's tools and StudioGAN
    write the same as floor(127.5 x + 128); SNGAN's floor(127.5 x + 127.5) is half a
    value darker, WGAN-GP's floor(255.99 (x + 1) / 2) stretches. Distances feel that:
    score all images by one rule, whose name is QUANTIZER.

    Args:
        images: float [...]; NaN becomes 0.
    """
    scaled = jnp.round(images.astype(jnp.float32) * 127.5 + 127.5)
    return jnp.clip(jnp.nan_to_num(scaled), 0, 255).astype(jnp.uint8)


QUANTIZER = "round(127.5 x + 127.5)"
