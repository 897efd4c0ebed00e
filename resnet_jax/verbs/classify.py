"""resnet-jax classify: images to labels, with a run or with pretrained weights."""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from resnet_jax.classifier import open_classifier
from resnet_jax.data.images import SUFFIXES
from resnet_jax.verbs.table import Table, warn


def classify(
    source: str,
    images: Sequence[str],
    *,
    checkpoint: str = "newest",
    preprocessing: str = "",
    top: int = 1,
) -> Table:
    """The most probable labels of images.

    An image gets the preprocessing of the weights, or the transforms of the run's
    evaluation; one of another size than the run was trained on is then resized to it,
    and grey and color are converted.

    Args:
        source: a run folder, or what `from_pretrained` takes.
        images: files, or folders whose images are taken in the order of their names.
        checkpoint: of a run: 'newest', 'best' or a step.
        preprocessing: for weights that do not say it, see classifier.
        top: labels per image.

    Returns:
        Rows of image, rank, label, probability.

    Raises:
        ValueError: the source is not there or no classifier, no image is found, or all
            of them are unreadable. A bad one among others is reported and left out.
    """
    files = list(_files(images))
    classifier = open_classifier(source, checkpoint, warn, preprocessing)
    names = classifier.names
    if not 1 <= top <= len(names):
        raise ValueError(
            f"--top is {top}; expected 1 to {len(names)}, its number of classes."
        )
    rows, bad = [], []
    for file in files:
        try:
            image = classifier.read(file)
        except ValueError as error:
            bad.append(str(error))
            continue
        probabilities = classifier.probabilities(image[None])[0]
        for rank, index in enumerate(np.argsort(-probabilities)[:top], 1):
            rows.append(
                {
                    "image": str(file),
                    "rank": rank,
                    "label": names[index],
                    "probability": float(probabilities[index]),
                }
            )
    if not rows:
        more = f" (None of the {len(bad)} images can be used.)" if len(bad) > 1 else ""
        raise ValueError(bad[0] + more)
    for text in bad:
        warn(f"{text} It is left out.")
    return Table(rows, {"probability": ".4f"})


def _files(paths: Sequence[str]) -> Iterator[pathlib.Path]:
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            found = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
            if not found:
                raise ValueError(
                    f"folder '{path}' holds no {', '.join(SUFFIXES)} file."
                )
            yield from found
        elif path.is_file():
            yield path
        else:
            raise ValueError(
                f"there is no file or folder '{path}'; expected images, or a folder."
            )
