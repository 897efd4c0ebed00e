"""resnet-jax transform: any image through a network from images to images."""

import os
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import jax

from resnet_jax.report.comparison import Comparison, write_gallery
from resnet_jax.tiles import Tiling
from resnet_jax.translators import open_translator
from resnet_jax.verbs.image_files import named_files
from resnet_jax.verbs.table import Table, warn
from resnet_jax.verbs.translation import Translation
from resnet_jax.verbs.watched import Meter

DIRECTIONS = ("ab", "ba")
FORMATS = {"seconds": ".1f"}
# What may be wrong with one image and right with the next.
FAILURES = (ValueError, OSError, MemoryError, jax.errors.JaxRuntimeError)


def transform(
    source: str,
    images: Sequence[str],
    *,
    out: str = "",
    checkpoint: str = "newest",
    direction: str = "",
    model: str = "",
    statistics: str = "",
    tile: int = -1,
    overlap: int = -1,
    ensemble: bool = False,
    batch_size: int = 1,
    suffix: str = "",
) -> Table:
    """Restores, enlarges or translates images of any size, and shows before and after.

    A result has its image's name, kind of file, depth and ICC profile; alpha is resized
    by bicubic interpolation and put back; grey stays grey unless the network makes
    color (see Translator.over). Images go through the network in tiles, see Tiling, and
    results are written as they come: in memory is an image, a row of tiles and, of JPEG
    and WebP, the result.

    Args:
        source: a run folder, or weights: see open_translator.
        images: files, or folders whose images are taken in the order of their names.
        out: the folder of results, and of gallery.html.
        checkpoint: 'newest', 'best' or a step.
        direction: 'ab' or 'ba' for a run between two domains.
        model: the network of a weights file, where that does not say it.
        statistics: of a weights file's batch norm: 'running' or 'batch'.
        tile, overlap: see Translator.tiling; -1 for the default.
        ensemble: whether the network's outputs for the eight flips and quarter turns
            are averaged.
        batch_size: tiles at once.
        suffix: is added to names, before the dot.

    Returns:
        A row per image: image, output, size, seconds, note. Where nothing was written
        output is '' and the note says why. Nothing is ever overwritten.

    Raises:
        ValueError: an argument makes no sense, the source or an image is not there, the
            source translates no images, `out` cannot be written to, or no image can be
            used.
    """
    check_arguments(direction, batch_size, suffix)
    folder = output_folder(out)
    jobs = [
        (file, folder / name.with_stem(name.stem + suffix))
        for file, name in named_files(images, folder.resolve())
    ]
    if any(file.resolve() == target.resolve() for file, target in jobs):
        raise ValueError(
            f"--out={out} is where the images are; name another folder, or give the "
            "results other names, such as by --suffix=_new."
        )
    translator = open_translator(
        source, checkpoint, direction, model=model, statistics=statistics, warn=warn
    )
    sides = [None if side == -1 else side for side in (tile, overlap)]
    tiling = translator.tiling(*sides)
    translator.over(3)  # says where no image fits, before anything is written
    translation = Translation(translator, tiling, ensemble, batch_size)
    rows, shown = translate(jobs, translation)
    how = filter(None, [translator.name, in_words(tiling, ensemble)])
    return summary(rows, shown, folder, f"{source}: {', '.join(how)}")


def check_arguments(direction: str, batch_size: int, suffix: str) -> None:
    """Raises ValueError where one of them cannot be right."""
    if direction not in ("", *DIRECTIONS):
        raise ValueError(
            f"--direction={direction}; expected {' or '.join(DIRECTIONS)}."
        )
    if batch_size < 1:
        raise ValueError(f"--batch-size is {batch_size}; expected 1 or more.")
    if any(character in suffix for character in "/\\\0"):
        raise ValueError(
            f"--suffix={suffix!r} names a folder; expected the end of a file's name, "
            "such as _x4."
        )


def output_folder(out: str) -> pathlib.Path:
    """The folder, which can be written to and need not be there.

    Raises:
        ValueError: it is not given, is a file, or cannot be written to.
    """
    if not out:
        raise ValueError("transform needs --out=FOLDER to write to.")
    folder = pathlib.Path(out).expanduser()
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
    except OSError as error:
        raise ValueError(
            f"--out={out} cannot be used ({error.strerror}); name another folder."
        ) from error
    if not there.is_dir():
        raise ValueError(f"--out: '{there}' is a file; name a new folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(
            f"--out: nothing can be written to '{there}'; name another folder."
        )
    return folder


def translate(
    jobs: Sequence[tuple[pathlib.Path, pathlib.Path]], translation: Translation
) -> tuple[list[dict[str, Any]], list[Comparison]]:
    """A row for each file and its new one, and what there is to see."""
    rows, shown = [], []
    taken: dict[pathlib.Path, pathlib.Path] = {}
    tiles = [translation.tiles(file) for file, _ in jobs]
    with Meter(sum(tiles), "tile") as meter:
        for number, (file, target) in enumerate(jobs):
            begin = time.monotonic()
            row = {"image": str(file), "output": "", "size": "", "seconds": 0.0}
            try:
                check_target(file, target, taken)
                result = translation.write(
                    file, target, lambda: meter.reach(meter.done + 1)
                )
                row |= {"output": str(target), "size": result.size}
                note = result.note
                title = f"{target.name}, {result.size}"
                shown.append(Comparison(title, result.note, result.shown))
            except FAILURES as error:
                note = reason(error)
                meter.reach(sum(tiles[: number + 1]))
            rows.append(row | {"seconds": time.monotonic() - begin, "note": note})
    return rows, shown


def check_target(
    file: pathlib.Path, target: pathlib.Path, taken: dict[pathlib.Path, pathlib.Path]
) -> None:
    """Refuses a name that is there or was given already, and notes it."""
    if target in taken:
        raise ValueError(
            f"'{taken[target]}' has the same name; give '{file}' another --out, or "
            "name the folder of both."
        )
    taken[target] = file
    if target.exists():
        raise ValueError(f"'{target}' is there already, and is left as it is.")


def reason(error: BaseException) -> str:
    """Why an image was skipped; what is a fault of ours goes on."""
    if isinstance(error, jax.errors.JaxRuntimeError):
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise error
        return "it is too large for the memory: give a smaller --tile."
    if isinstance(error, MemoryError):
        return "it is too large for the memory: give a smaller --tile."
    if isinstance(error, OSError):
        return f"the result cannot be written: {error.strerror or error}."
    return " ".join(str(error).split())


def summary(
    rows: list[dict[str, Any]],
    shown: Sequence[Comparison],
    folder: pathlib.Path,
    how: str,
) -> Table:
    """The table, with the gallery written.

    Raises:
        ValueError: no image could be used.
    """
    skipped = [row for row in rows if not row["output"]]
    if not shown and not any("is there already" in row["note"] for row in skipped):
        more = f" (None of the {len(rows)} images can be used.)" if rows[1:] else ""
        raise ValueError(skipped[0]["note"] + more)
    if shown:
        path, count = folder / "gallery.html", 2
        while path.exists():
            path, count = folder / f"gallery-{count}.html", count + 1
        write_gallery(path, "Before and after", how, shown)
    if skipped:
        warn(f"{len(skipped)} of {len(rows)} images are skipped; the notes say why.")
    return Table(rows, FORMATS)


def in_words(tiling: Tiling, ensemble: bool) -> str:
    """How images went through the network."""
    parts = [f"tiles of {tiling.tile} pixels" if tiling.tile else "whole images"]
    if tiling.tile and tiling.margin:
        parts.append(f"{tiling.margin} pixels around them")
    if tiling.tile and tiling.blend:
        parts.append("blended")
    if ensemble:
        parts.append("the mean of eight flips and turns")
    return ", ".join(parts) + "."
