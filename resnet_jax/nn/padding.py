"""Borders around images, for convolutions that add none of their own."""

import jax
import jax.numpy as jnp

from resnet_jax.nn.choice import choose

# As a config calls them, and as jnp.pad does.
PADDINGS = {"reflect": "reflect", "zeros": "constant"}


def pad(x: jax.Array, margin: int, padding: str) -> jax.Array:
    """Adds `margin` rows and columns on every side, [B, H, W, C] -> [B, H', W', C].

    Args:
        x: images.
        margin: how many.
        padding: 'zeros', or 'reflect', where the border's pixels are not repeated.

    Raises:
        ValueError: the name is unknown, or a side is too short to be reflected.
    """
    mode = choose(PADDINGS, padding, "padding")
    if padding == "reflect" and min(x.shape[1:3]) <= margin:
        raise ValueError(
            f"{x.shape[1]} x {x.shape[2]} pixels have no {margin} beside the border to"
            " be reflected: take larger images, or padding='zeros'."
        )
    margins = (margin, margin)
    return jnp.pad(x, ((0, 0), margins, margins, (0, 0)), mode=mode)
