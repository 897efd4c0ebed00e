"""Weights of other libraries, as variables of our models and back."""

from resnet_jax.pretrained.torch_weights import from_torch, to_torch

__all__ = ["from_torch", "to_torch"]
