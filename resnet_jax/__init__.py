"""Residual networks in JAX and Flax: classify, generate, translate, restore."""

import importlib
from typing import Any

from resnet_jax.models import create_model, list_models

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "create_model",
    "from_pretrained",
    "list_models",
    "open_translator",
]
# Loaded when asked for: `import resnet_jax` stays light.
LAZY = {
    "from_pretrained": "resnet_jax.pretrained",
    "open_translator": "resnet_jax.translators",
}


def __getattr__(name: str) -> Any:
    """A public name of LAZY."""
    if name not in LAZY:
        raise AttributeError(f"module 'resnet_jax' has no attribute '{name}'")
    return getattr(importlib.import_module(LAZY[name]), name)
