"""Figures kept as files, so that the page can be written again at any time."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
from etils import epath
from PIL import Image

from resnet_jax.figures import Figure, Gallery, Matrix, Reliability, Table
from resnet_jax.files import read_json, write_json
from resnet_jax.report.pictures import grid, save_png

KINDS = {
    "matrix": Matrix,
    "reliability": Reliability,
    "table": Table,
    "gallery": Gallery,
}


@dataclasses.dataclass(frozen=True)
class Exhibit:
    """A figure as it was at some step.

    Attributes:
        name: such as 'confusion'.
        step: completed steps when it was made.
        figure: what it shows.
        pictures: of a Gallery, one per caption.
    """

    name: str
    step: int
    figure: Figure
    pictures: tuple[Image.Image, ...] = ()


def save_exhibit(
    folder: epath.PathLike,
    name: str,
    step: int,
    figure: Figure,
    images: Sequence[np.ndarray] = (),
) -> None:
    """Writes figures/<name>.json, and the images of a Gallery as one <name>.png."""
    stem = epath.Path(folder) / re.sub(r"[^\w-]+", "_", name)[:100]
    kind = next(k for k, cls in KINDS.items() if isinstance(figure, cls))
    fields = {f.name: getattr(figure, f.name) for f in dataclasses.fields(figure)}
    stored = {"kind": kind, "name": name, "step": int(step), "figure": fields}
    if len(images):
        save_png(f"{stem}.png", grid(images, smallest=1, gap=0))
        stored["tile"] = [max(len(x[0]) for x in images), max(map(len, images))]
    write_json(f"{stem}.json", stored)


def load_exhibits(folder: epath.PathLike) -> list[Exhibit]:
    """The figures of a folder, by kind and name; damaged files are passed over."""
    folder = epath.Path(folder)
    if not folder.exists():
        return []
    loaded = (_load(path) for path in folder.glob("*.json"))
    exhibits = [exhibit for exhibit in loaded if exhibit is not None]
    kinds = list(KINDS.values())
    return sorted(exhibits, key=lambda e: (kinds.index(type(e.figure)), e.name))


def _load(path: epath.Path) -> Exhibit | None:
    try:
        stored = read_json(path, {})
        fields = {k: _frozen(v) for k, v in stored["figure"].items()}
        if "counts" in fields:
            fields["counts"] = np.asarray(fields["counts"], dtype=np.float64)
        figure = KINDS[stored["kind"]](**fields)
        pictures: tuple[Image.Image, ...] = ()
        if "tile" in stored:
            pictures = _tiles(path.with_suffix(".png"), *stored["tile"])
            pictures = pictures[: len(figure.captions)]
        return Exhibit(stored["name"], int(stored["step"]), figure, pictures)
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return None


def _frozen(value):
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _tiles(path: epath.Path, width: int, height: int) -> tuple[Image.Image, ...]:
    with path.open("rb") as file, Image.open(file) as image:
        image.load()
        sheet = image.copy()
    return tuple(
        sheet.crop((left, top, left + width, top + height))
        for top in range(0, sheet.height, height)
        for left in range(0, sheet.width, width)
    )
