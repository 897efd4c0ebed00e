"""The image files that a verb was given, and what their results are called."""

import pathlib
from collections.abc import Iterator, Sequence

from resnet_jax.data.images import SUFFIXES


def image_files(
    paths: Sequence[str], without: pathlib.Path | None = None
) -> Iterator[tuple[pathlib.Path, pathlib.PurePath]]:
    """Each image, and its name: its path inside the folder that was given.

    Args:
        paths: files, or folders whose images are taken in the order of their names.
        without: a folder whose images are left out where it lies in one of these.

    Raises:
        ValueError: there is no such file or folder, or no image in it.
    """
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            found = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
            if without and path.resolve() != without:
                found = [f for f in found if without not in f.resolve().parents]
            if not found:
                raise ValueError(
                    f"folder '{path}' holds no {', '.join(SUFFIXES)} file."
                )
            yield from ((file, file.relative_to(path)) for file in found)
        elif path.is_file():
            yield path, pathlib.PurePath(path.name)
        else:
            raise ValueError(
                f"there is no file or folder '{path}'; expected images, or a folder."
            )
