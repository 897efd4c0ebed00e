"""Data as a function of the step: sources, transforms, batches."""

from resnet_jax.bicubic import bicubic
from resnet_jax.data.arrays import ArraySource
from resnet_jax.data.images import BadImage, read_image
from resnet_jax.data.pipeline import Data, Evaluations
from resnet_jax.data.sources import SOURCES
from resnet_jax.data.transforms import TRANSFORMS, apply_transforms, build_transforms

__all__ = [
    "SOURCES",
    "TRANSFORMS",
    "ArraySource",
    "BadImage",
    "Data",
    "Evaluations",
    "apply_transforms",
    "bicubic",
    "build_transforms",
    "read_image",
]
