"""resnet-jax classify: images to labels, with a run or with pretrained weights."""

from collections.abc import Sequence

import numpy as np

from resnet_jax.classifier import open_classifier
from resnet_jax.verbs.explanation import Explanation
from resnet_jax.verbs.inputs import image_files
from resnet_jax.verbs.table import Table, warn


def classify(
    source: str,
    images: Sequence[str],
    *,
    checkpoint: str = "newest",
    preprocessing: str = "",
    top: int = 1,
    explain: str = "",
    out: str = "",
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
        explain: a name in explain.EXPLANATIONS; a picture of each image, with where the
            network finds its most probable label, is then written. '' for none.
        out: the pictures' folder; '' for explanations/ in the run folder. Pictures keep
            the images' names, and none is overwritten: a number is added.

    Returns:
        Rows of image, rank, label, probability, and with `explain` picture, its path.

    Raises:
        ValueError: `explain` is unknown, or `out` is given without it; the source is
            not there or no classifier, no image is found, or all of them are
            unreadable. A bad one among others is reported and left out.
    """
    files = list(image_files(images))
    if out and not explain:
        raise ValueError(f"--out={out} is for pictures; ask for them with --explain.")
    explanation = Explanation.beside(explain, source, out) if explain else None
    classifier = open_classifier(source, checkpoint, warn, preprocessing)
    names = classifier.names
    if not 1 <= top <= len(names):
        raise ValueError(
            f"--top is {top}; expected 1 to {len(names)}, its number of classes."
        )
    rows, bad = [], []
    for file, name in files:
        try:
            image = classifier.read(file)
        except ValueError as error:
            bad.append(str(error))
            continue
        probabilities = classifier.probabilities(image[None])[0]
        best = np.argsort(-probabilities)[:top]
        written = {}
        if explanation:
            caption = f"{names[best[0]]}  {probabilities[best[0]]:.1%}"
            path = explanation.write(classifier, image, best[0], caption, name)
            written["picture"] = path
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
