"""How well a network withstands common corruptions of its images."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from PIL import Image

from resnet_jax.data import Evaluations
from resnet_jax.data.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    Corrupted,
    check_corruption,
    corrupt,
)
from resnet_jax.data.images import BadImage
from resnet_jax.data.reader import Reader
from resnet_jax.evaluate import Evaluator
from resnet_jax.report.pictures import grid
from resnet_jax.state import TrainState
from resnet_jax.tasks import Classification
from resnet_jax.verbs.table import Table
from resnet_jax.verbs.watched import Watched

Kinds = tuple[tuple[str, int], ...]
SAMPLE_PIXELS = 96


def read_corruptions(names: str, severities: str) -> Kinds:
    """The pairs of a corruption and a severity that two flags ask for.

    Args:
        names: 'all', or names separated by commas; '' for none.
        severities: numbers separated by commas; '' or 'all' for 1 to 5.

    Raises:
        ValueError: an unknown name or severity.
    """
    if not names:
        if severities:
            raise ValueError("--severity needs --corruptions, such as all.")
        return ()
    chosen = list(CORRUPTIONS) if names == "all" else _words(names)
    numbers: list[Any] = list(SEVERITIES)
    if severities not in ("", "all"):
        numbers = [int(w) if w.isdigit() else w for w in _words(severities)]
    kinds = tuple((name, number) for name in chosen for number in numbers)
    for name, number in kinds:
        check_corruption(name, number)
    return kinds


def check_task(task: Any) -> None:
    """Raises ValueError where there is no accuracy that could suffer."""
    if not isinstance(task, Classification):
        raise ValueError(
            "--corruptions measures the accuracy of a classifier, and this is none; "
            "leave it out."
        )


def measure(
    evaluator: Evaluator,
    state: TrainState,
    data: Evaluations,
    kinds: Kinds,
    batch_size: int,
    seed: int,
    workers: int = 0,
) -> dict[str, Any]:
    """The accuracy under each corruption, on the first evaluation.

    Args:
        evaluator: of the task, a Classification; its data is replaced.
        state: as trained.
        data: what is corrupted.
        kinds: pairs of a corruption and a severity.
        batch_size: examples of all devices.
        seed: of the corruptions.
        workers: processes that read images, 0 for threads.

    Returns:
        'corruptions': by name and severity; 'mean': over all of them; 'seed'.
    """
    name, reader = next(iter(data.readers.items()))
    accuracy: dict[str, dict[str, float]] = {}
    for kind, severity in kinds:
        corrupted = Corrupted(reader, kind, severity, seed)
        under = Evaluations(
            {name: dataclasses.replace(reader, source=corrupted, transforms=())},
            batch_size=batch_size,
            workers=workers,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
        )
        evaluator.data = Watched(under, f"{kind} {severity}")
        found = evaluator.task.summarize(evaluator(state))
        accuracy.setdefault(kind, {})[str(severity)] = found[f"{name}/accuracy"]
    values = [value for row in accuracy.values() for value in row.values()]
    return {"corruptions": accuracy, "mean": float(np.mean(values)), "seed": seed}


def as_table(robustness: Mapping[str, Any]) -> Table:
    """A row per corruption, a column per severity, means at the ends."""
    found = {
        name: {**row, "mean": float(np.mean(list(row.values())))}
        for name, row in robustness["corruptions"].items()
    }
    columns = list(next(iter(found.values())))
    means = {c: float(np.mean([row[c] for row in found.values()])) for c in columns}
    rows = [
        {"accuracy": name, **row} for name, row in [*found.items(), ("mean", means)]
    ]
    return Table(rows, dict.fromkeys(columns, ".4f"))


def samples(data: Evaluations, kinds: Kinds, seed: int) -> Image.Image:
    """The first image that can be read, and the same under each corruption.

    A row per corruption, a column per severity.
    """
    index, image = _first_picture(next(iter(data.readers.values())))
    severities = list(dict.fromkeys(number for _, number in kinds))

    def corrupted(name: str, severity: int) -> np.ndarray:
        return corrupt(image, name, severity, seed=seed, index=index)

    tiles, captions = [], []
    for name in dict.fromkeys(name for name, _ in kinds):
        tiles += [image, *(corrupted(name, s) for s in severities)]
        captions += [name, *(f"severity {s}" for s in severities)]
    columns = 1 + len(severities)
    return grid(tiles, columns, captions=captions, smallest=SAMPLE_PIXELS)


def _first_picture(reader: Reader) -> tuple[int, np.ndarray]:
    index = 0
    while True:
        try:
            return index, reader.picture(index)
        except BadImage:
            if (index := index + 1) == len(reader.source):
                raise


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
