"""The table of sources: where examples come from.

A source has a length, `source[i]` -> {'image': ..., 'label': ...}, `class_names` and a
stable repr. An ArraySource is in memory, its batches are gathered whole; any other is
asked for one example at a time. One with `draw(i, u)` makes a random version of example
i of `draws` uniform numbers, which training uses.
"""

from collections.abc import Callable, Mapping
from typing import Any

from resnet_jax.data import arrays, folder, photographs, tfds
from resnet_jax.lookup import build

SOURCES: dict[str, Callable[..., Any]] = {
    "digits": arrays.digits,
    "folder": folder.folder,
    "npz": arrays.npz,
    "photos": photographs.photos,
    "textures": photographs.textures,
    "tfds": tfds.tfds,
}


def load_source(section: Mapping[str, Any] | str, split: str):
    """The source of a config section and a split.

    Args:
        section: {'name': ..., **arguments} or a name.
        split: one of the source's splits.

    Raises:
        ValueError: an unknown source, argument or split, or data that cannot be used.
    """
    return build(SOURCES, section, "source", split=split)
