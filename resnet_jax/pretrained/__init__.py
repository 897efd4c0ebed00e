"""Weights of other libraries and of runs, as variables of our models and back."""

from resnet_jax.pretrained.load import from_pretrained
from resnet_jax.pretrained.preprocessing import Preprocessing
from resnet_jax.pretrained.torch_weights import from_torch, to_torch
from resnet_jax.pretrained.weights_file import read_weights

__all__ = [
    "Preprocessing",
    "from_pretrained",
    "from_torch",
    "read_weights",
    "to_torch",
]
