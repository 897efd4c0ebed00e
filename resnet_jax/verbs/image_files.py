"""Verbs that read image files, and those that write one for each of them."""

import collections
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
from etils import epath

from resnet_jax.data.flat import list_images
from resnet_jax.data.images import read_image
from resnet_jax.report.pictures import save_png, stored
from resnet_jax.verbs.table import warn
from resnet_jax.verbs.watched import watch

Named = tuple[pathlib.Path, pathlib.PurePath]


class Written(dict):
    """How many 'images' are in which 'folder', and why others were 'skipped'."""

    def __str__(self) -> str:
        """In a line."""
        count, skipped = self["images"], self["skipped"]
        text = f"{count:,} image{'s' * (count != 1)} in {self['folder']}"
        return f"{text}, {len(skipped):,} left out" if skipped else text


def named_files(
    paths: Sequence[str], without: pathlib.Path | None = None
) -> list[Named]:
    """Each image, and its name: its path inside the folder that was given.

    Args:
        paths: files, or folders whose images are taken in the order of their names.
        without: a folder whose images are left out where it lies in one of these.

    Raises:
        ValueError: one of them is not there, or a folder holds no image.
    """
    found: list[Named] = []
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            inside = list_images(path)
            if without and path.resolve() != without:
                inside = [f for f in inside if without not in f.resolve().parents]
            found += [(file, file.relative_to(path)) for file in inside]
        elif path.is_file():
            found.append((path, pathlib.PurePath(path.name)))
        else:
            raise ValueError(
                f"there is no file or folder '{path}'; expected images, or a folder."
            )
    return found


def check_folder(folder: epath.PathLike, *, empty: bool = True) -> None:
    """Refuses a folder of results that cannot be one.

    Raises:
        ValueError: it is a file or inside one, or it has files and should be `empty`.
    """
    path = epath.Path(folder)
    if file := next((p for p in (path, *path.parents) if p.is_file()), None):
        raise ValueError(f"--out: '{file}' is a file; name a new folder.")
    if empty and path.exists() and any(path.iterdir()):
        raise ValueError(f"--out: '{path}' has files; name a new folder.")


def write_each(
    source: str, out: str, change: Callable[[np.ndarray], np.ndarray], said: str
) -> Written:
    """Writes a PNG file for every image, of the same name in the same folders.

    Images keep their channels and their 8 or 16 bits. What cannot be read or changed is
    told at the end and left out. Two files that differ only in their suffix keep it:
    a.jpg and a.png become a.jpg.png and a.png.png.

    Args:
        source: an image file, or a folder of them.
        out: the folder to write, new or empty.
        change: an image [H, W, C] to another; a ValueError says why it cannot, as the
            end of a sentence that begins with the file's name.
        said: what is being done, for the line of progress.

    Raises:
        ValueError: there is no image, none of them can be used, or the folder has files
            or cannot be written to.
    """
    folder = pathlib.Path(out).expanduser()
    check_folder(folder)
    files = named_files([source])
    taken = collections.Counter(name.with_suffix("") for _, name in files)
    skipped: dict[str, str] = {}
    for file, name in watch(lambda: iter(files), len(files), said, lambda _: 1):
        try:
            made = stored(_changed(file, change))
        except ValueError as error:
            skipped[str(file)] = str(error)
            continue
        whole = taken[name.with_suffix("")] > 1
        _save(folder, f"{name if whole else name.with_suffix('')}.png", made)
    if len(skipped) == len(files):
        more = f" (None of the {len(files)} images can be used.)" * (len(files) > 1)
        raise ValueError(next(iter(skipped.values())) + more)
    for text in skipped.values():
        warn(f"{text} It is left out.")
    count = len(files) - len(skipped)
    return Written(images=count, folder=str(folder), skipped=skipped)


def _changed(file: pathlib.Path, change) -> np.ndarray:
    image = read_image(file, channels=None)
    try:
        return change(image)
    except ValueError as error:
        raise ValueError(f"{file} {error}") from error


def _save(folder: pathlib.Path, name: str, image) -> None:
    try:
        save_png(folder / name, image)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ValueError(
            f"--out: '{folder}' cannot be written to ({reason}); name another folder."
        ) from error
