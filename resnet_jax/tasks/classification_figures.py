"""What people see of a classifier's evaluations."""

from collections.abc import Iterator, Mapping
from typing import Any

from resnet_jax.figures import Figure, Gallery, Matrix, Table
from resnet_jax.metrics.accuracy import per_class


def classification_figures(
    evals: Mapping[str, Mapping[str, Any]], class_names: tuple[str, ...]
) -> dict[str, Figure]:
    """Per evaluation: confusion matrix, accuracy per class, most confident mistakes.

    Args:
        evals: sums of `accuracy`, `confusion` and `mistakes` by evaluation and metric.
        class_names: K names.
    """
    figures: dict[str, Figure] = {}
    for name, sums in evals.items():
        figures[f"{name}/confusion"] = Matrix(
            sums["confusion"], class_names, rows="true", columns="predicted"
        )
        examples = sums["accuracy"]["examples"].astype(int).tolist()
        share = per_class(sums["accuracy"]).tolist()
        rows = zip(class_names, examples, share, strict=True)
        figures[f"{name}/classes"] = Table(
            ("class", "examples", "accuracy"), tuple(rows)
        )
        worst = sums["mistakes"]
        captions = tuple(_captions(worst, class_names))
        figures[f"{name}/mistakes"] = Gallery(
            name, worst["index"].astype(int), captions
        )
    return figures


def _captions(worst: Mapping, class_names: tuple[str, ...]) -> Iterator[str]:
    columns = (worst["label"], worst["predicted"], worst["confidence"])
    for label, predicted, confidence in zip(*columns, strict=True):
        true, said = class_names[int(label)], class_names[int(predicted)]
        yield f"{true}, taken for {said} ({confidence:.0%})"
