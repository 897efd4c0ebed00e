"""The real side of a comparison, kept in a file."""

import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from resnet_jax.metrics.frechet import Moments
from resnet_jax.metrics.sample import Sample

FORMAT = 1


class Reference(NamedTuple):
    """What every metric needs of the real images.

    Attributes:
        moments: of all of their features.
        features: [n, D], a sample of them.
        about: how they were made, plain values: at least 'name', 'features', 'digest',
            'resize' and 'size', see Protocol.
    """

    moments: Moments
    features: np.ndarray
    about: Mapping[str, Any]

    def sums(self, name: str) -> Moments | Sample:
        """The real side of the sums of metric `name`: 'frechet' or one that samples."""
        if name == "frechet":
            return self.moments
        ranks = np.arange(len(self.features), dtype=np.uint64)
        return Sample(self.moments.examples, (self.features,), (ranks,))

    def save(self, file: str | os.PathLike) -> None:
        """Writes an .npz of arrays and JSON, whole or not at all.

        Raises:
            ValueError: the name does not end in .npz.
        """
        path = pathlib.Path(file)
        if path.suffix != ".npz":
            raise ValueError(f"a reference is an .npz file, and '{path}' is none.")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        about = json.dumps({**self.about, "format": FORMAT})
        examples, total, outer = self.moments
        arrays: dict[str, Any] = {
            "about": np.array(about),
            "examples": np.array(examples),
            "total": total,
            "outer": outer,
            "features": self.features,
        }
        try:
            with open(partial, "wb") as opened:
                np.savez(opened, **arrays)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def read_reference(file: str | os.PathLike) -> Reference:
    """A reference that `save` wrote; nothing in the file is executed.

    Raises:
        ValueError: the file is not there, damaged, or something else.
    """
    try:
        with open(file, "rb") as opened, np.load(opened) as found:
            about = json.loads(str(found["about"]))
            moments = Moments(int(found["examples"]), found["total"], found["outer"])
            reference = Reference(moments, found["features"], about)
    except FileNotFoundError as error:
        raise ValueError(f"there is no folder or file '{file}'.") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"'{file}' is no reference, or damaged; expected an .npz file that "
            "`resnet-jax score --save-reference` wrote."
        ) from error
    if about.get("format") != FORMAT:
        raise ValueError(
            f"the reference '{file}' has format {about.get('format')}, and this "
            f"version reads {FORMAT}; write it again."
        )
    return reference
