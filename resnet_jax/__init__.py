"""Residual networks in JAX and Flax: classify, generate, translate, restore."""

__version__ = "0.1.0"
