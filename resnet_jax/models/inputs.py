"""What networks are called with: a batch of one of it, as shapes and types."""

import flax.linen as nn
import jax
import jax.numpy as jnp

Inputs = tuple[jax.ShapeDtypeStruct, ...]
# Side of the low-resolution patches that super-resolution is usually trained on.
PATCH = 48


def inputs_of(model: nn.Module) -> Inputs:
    """In the order of the call; of a classifier, an image of its `input_shape`."""
    if hasattr(model, "inputs"):
        return model.inputs
    return image_inputs(*model.input_shape)


def image_inputs(
    height: int, width: int, channels: int, num_classes: int = 0
) -> Inputs:
    """An image, and a label where there are classes to be given."""
    shape = (1, height, width, channels)
    return (jax.ShapeDtypeStruct(shape, jnp.float32), *_label(num_classes))


def latent_inputs(size: int, num_classes: int = 0) -> Inputs:
    """Latents, and a label where there are classes to be given."""
    return (jax.ShapeDtypeStruct((1, size), jnp.float32), *_label(num_classes))


def _label(num_classes: int) -> Inputs:
    return (jax.ShapeDtypeStruct((1,), jnp.int32),) if num_classes else ()


def describe(inputs: Inputs) -> str:
    """In words: '32x32' for an image, '128 + label' for latents and a class."""
    return " + ".join(
        "x".join(map(str, x.shape[1:3])) if x.ndim > 1 else "label" for x in inputs
    )
