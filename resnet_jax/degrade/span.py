"""A number, or a range that each image draws its own number from."""

import jax
import jax.numpy as jnp
from jax import Array

Span = float | tuple[float, float]


def check_span(name: str, span: Span, least: float, most: float) -> None:
    """Raises ValueError unless a span is within [least, most], its lower end first."""
    ends = (span, span) if isinstance(span, int | float) else tuple(span)
    if len(ends) != 2 or not least <= ends[0] <= ends[1] <= most:
        raise ValueError(
            f"degradation.{name} is {span}; expected a number from {least:g} to "
            f"{most:g}, or two of them, the lower first."
        )


def draw(key: Array, span: Span) -> Array:
    """The number, or one drawn evenly from the range; float32 scalar."""
    if isinstance(span, int | float):
        return jnp.float32(span)
    return jax.random.uniform(key, (), jnp.float32, *span)
