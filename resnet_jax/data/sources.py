"""The table of sources: where examples come from.

A source has a length, `source[i]` -> {'image': ..., 'label': ...}, `class_names` and a
stable repr; pairs have the images 'a' and 'b'. An ArraySource is in memory, its batches
are gathered whole; any other is asked for one example at a time. One with `draws` makes
in `draw(i, u)` a random version of example i of so many uniform numbers, which training
uses. One with `crop` gives in `crop(i, random_resized_crop, u)` example i after that
transform for less than decoding all of it takes. One whose images differ in size says
so in `sizes()`. Those of which a class can be chosen have `labels`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from resnet_jax.data import arrays, folder, pairs, photographs, tfds
from resnet_jax.data.arrays import ArraySource
from resnet_jax.data.domains import Domain, Domains, domain, split_domain
from resnet_jax.data.pairs import check_direction
from resnet_jax.data.photo_files import CACHE_GB
from resnet_jax.lookup import build


def domains(
    split: str,
    *,
    root: str | None = None,
    source: Mapping[str, Any] | str | None = None,
    a: str | None = None,
    b: str | None = None,
    direction: str = "AtoB",
    channels: int = 3,
    cache_gb: float = CACHE_GB,
) -> Domains | Domain | ArraySource:
    """Two unmatched sets of images, as batches with the images `a` and `b`.

    Zhu et al. 2017, arXiv:1703.10593. Each has its own order, and is seen as often as
    the steps allow; the longer makes an epoch. With root or source alone A and B are
    the splits <split>A and <split>B of it.

    Args:
        split: of both; one that ends in A or B, such as 'testA', is that domain alone,
            as an evaluation takes it.
        root: a folder with the folders trainA, trainB, testA, testB.
        source: another source's section, such as that of a tfds 'cycle_gan' set.
        a, b: classes of the source; without a source the folders of A and B, whose
            split is a folder in them, or 'all'.
        direction: 'BtoA' makes A the images `b`, into whose domain a network with one
            way translates, and B the images `a`.
        channels, cache_gb: as in images.

    Raises:
        ValueError: something is missing, or contradicts the rest.
    """
    if (a is None) != (b is None) or sum(x is not None for x in (root, source, a)) == 0:
        raise ValueError(
            "domains need root, or source, or both a and b: classes of the source, or "
            "folders."
        )
    if root is not None and (source is not None or a is not None):
        raise ValueError("domains take root alone, without source, a and b.")
    name, letters = split_domain(split)
    keys = dict(zip("ab", "ab" if check_direction(direction) else "ba", strict=True))
    files = {"name": "images", "channels": channels, "cache_gb": cache_gb}

    chosen = {"a": a, "b": b}
    found = {}
    for letter in letters:
        if a is None:
            section = source or {**files, "root": root}
            part = load_source(section, f"{name}{letter.upper()}")
        elif source is None:
            part = load_source({**files, "root": chosen[letter]}, name)
        else:
            part = load_source(source, name)
        class_name = chosen[letter] if source is not None else None
        found[keys[letter]] = domain(part, keys[letter], class_name)
    return Domains([found["a"], found["b"]]) if len(found) > 1 else found.popitem()[1]


SOURCES: dict[str, Callable[..., Any]] = {
    "digits": arrays.digits,
    "domains": domains,
    "folder": folder.folder,
    "images": photographs.images,
    "npz": arrays.npz,
    "pairs": pairs.pairs,
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
