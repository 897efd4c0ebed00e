"""What people see of a classifier's evaluations."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from resnet_jax.figures import Figure, Gallery, Matrix, Reliability, Table
from resnet_jax.metrics.accumulator import share
from resnet_jax.metrics.calibration import calibration


def classification_figures(
    evals: Mapping[str, Mapping[str, Any]], class_names: tuple[str, ...]
) -> dict[str, Figure]:
    """Per evaluation: confusion matrix, calibration, classes, most confident mistakes.

    Args:
        evals: sums of Classification.metrics by evaluation and metric.
        class_names: K names.
    """
    figures: dict[str, Figure] = {}
    for name, sums in evals.items():
        figures[f"{name}/confusion"] = Matrix(
            sums["confusion"], class_names, rows="true", columns="predicted"
        )
        figures[f"{name}/calibration"] = _reliability(sums["calibration"])
        figures[f"{name}/classes"] = _classes(sums, class_names)
        worst = sums["mistakes"]
        captions = tuple(_captions(worst, class_names))
        figures[f"{name}/mistakes"] = Gallery(
            name, worst["index"].astype(int), captions
        )
    return figures


def _reliability(sums: Mapping[str, np.ndarray]) -> Reliability:
    found = calibration(1).summary(dict(sums))
    return Reliability(
        examples=tuple(sums["examples"].astype(int).tolist()),
        confidence=tuple(share(sums["confidence"], sums["examples"]).tolist()),
        accuracy=tuple(share(sums["right"], sums["examples"]).tolist()),
        note=f"Calibration error {found['calibration_error']:.2%}, "
        f"at most {found['max_calibration_error']:.1%} in a bin",
    )


def _classes(sums: Mapping[str, Any], class_names: tuple[str, ...]) -> Table:
    """A row per class; precision is the share of its predictions that were right."""
    examples, right = sums["accuracy"]["examples"], sums["accuracy"]["top1"]
    columns = {
        "class": class_names,
        "examples": examples.astype(int).tolist(),
        "accuracy": share(right, examples).tolist(),
        "top5_accuracy": share(sums["accuracy"]["top5"], examples).tolist(),
        "precision": share(right, sums["confusion"].sum(0)).tolist(),
        "mean_confidence": share(
            sums["calibration"]["class_confidence"], examples
        ).tolist(),
    }
    if len(class_names) <= 5:
        del columns["top5_accuracy"]
    return Table(tuple(columns), tuple(zip(*columns.values(), strict=True)))


def _captions(worst: Mapping, class_names: tuple[str, ...]) -> Iterator[str]:
    columns = (worst["label"], worst["predicted"], worst["confidence"])
    for label, predicted, confidence in zip(*columns, strict=True):
        true, said = class_names[int(label)], class_names[int(predicted)]
        yield f"{true}, taken for {said} ({confidence:.0%})"
