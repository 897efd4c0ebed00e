"""resnet-jax classify: images to labels, with a run and without its data."""

import pathlib
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from resnet_jax.data.images import SUFFIXES, read_image
from resnet_jax.data.transforms import apply_transforms, build_transforms
from resnet_jax.run import Run, load
from resnet_jax.verbs.explanation import Explanation
from resnet_jax.verbs.table import Table, warn


def classify(
    run: str,
    images: Sequence[str],
    *,
    checkpoint: str = "newest",
    top: int = 1,
    explain: str = "",
    out: str = "",
) -> Table:
    """The most probable labels of images.

    An image gets the transforms of the run's evaluation; one of another size than the
    run was trained on is then resized to it, and grey and color are converted.

    Args:
        run: the run folder.
        images: files, or folders whose images are taken in the order of their names.
        checkpoint: 'newest', 'best' or a step.
        top: labels per image.
        explain: a name in explain.EXPLANATIONS; a picture of each image, with where the
            network finds its most probable label, is then written. '' for none.
        out: the pictures' folder; '' for explanations/ in the run folder. Pictures keep
            the images' names, and none is overwritten: a number is added.

    Returns:
        Rows of image, rank, label, probability, and with `explain` picture, its path.

    Raises:
        ValueError: `explain` is unknown, or `out` is given without it; the run is not
            there or no classifier, no image is found, or all of them are unreadable. A
            bad one among others is reported and left out.
    """
    files = list(_files(images))
    if out and not explain:
        raise ValueError(f"--out={out} is for pictures; ask for them with --explain.")
    explanation = Explanation.of_run(explain, run, out) if explain else None
    loaded = load(run, checkpoint, warn)
    names = loaded.spec.class_names
    if loaded.config["task"]["name"] != "classification":
        raise ValueError(f"'{run}' is no classifier; classify needs one.")
    if not 1 <= top <= len(names):
        raise ValueError(
            f"--top is {top}; expected 1 to {len(names)}, its number of classes."
        )
    predict, key = jax.jit(loaded.task.predict), jax.random.key(0)
    state = loaded.task.prepare_eval(loaded.state, (), key)
    rows, bad = [], []
    for file, name in files:
        try:
            image = _fit(loaded, read_image(file, loaded.spec.shapes["image"][-1]))
        except ValueError as error:
            bad.append(str(error))
            continue
        output = predict(state, {"image": image[None]}, key)
        probabilities = np.asarray(output["probabilities"])[0, : len(names)]
        best = np.argsort(-probabilities)[:top]
        written = {}
        if explanation:
            caption = f"{names[best[0]]}  {probabilities[best[0]]:.1%}"
            args = (loaded.task, state, image, best[0], caption, name)
            written["picture"] = explanation.write(*args)
        for rank, index in enumerate(best, 1):
            rows.append(
                {
                    "image": str(file),
                    "rank": rank,
                    "label": names[index],
                    "probability": float(probabilities[index]),
                    **written,
                }
            )
    if not rows:
        more = f" (None of the {len(bad)} images can be used.)" if len(bad) > 1 else ""
        raise ValueError(bad[0] + more)
    for text in bad:
        warn(f"{text} It is left out.")
    return Table(rows, {"probability": ".4f"})


def _files(paths: Sequence[str]) -> Iterator[tuple[pathlib.Path, pathlib.PurePath]]:
    """Each image, and its name: its path inside the folder that was given."""
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            found = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
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


def _fit(loaded: Run, image: np.ndarray) -> np.ndarray:
    spec = loaded.spec
    image = apply_transforms(build_transforms(spec.transforms), image[None])[0]
    height, width, channels = spec.shapes["image"]
    if image.dtype != spec.dtypes["image"]:
        scale = 257 if spec.dtypes["image"] == "uint16" else 1 / 257
        image = (image * scale).astype(spec.dtypes["image"])
    if image.shape != (height, width, channels) and not spec.transforms:
        size = {"resize": {"size": (height, width)}}
        image = apply_transforms(build_transforms(size), image[None])[0]
    return image
