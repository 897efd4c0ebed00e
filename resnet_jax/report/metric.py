"""What the names of metrics say: where they were measured, and which way is better."""

import dataclasses
import math
from collections.abc import Sequence

Points = list[tuple[float, float]]

HIGHER = {"accuracy", "precision", "recall", "f1", "auroc", "iou", "psnr", "ssim"}
HIGHER |= {"inception", "classifier", "density", "coverage"}
LOWER = {"loss", "error", "fid", "kid", "mse", "mae", "nll", "ece", "lpips", "brier"}
LOWER |= {"distance", "mind"}
_NOT_RESULTS = ("train", "time")
# What a quantity of two networks or of two kinds of images is told of.
_SIDES = ("generator", "discriminator", "real", "fake")


@dataclasses.dataclass(frozen=True)
class Metric:
    """One line of the table of results; best is None where no direction is known."""

    name: str
    last: float
    best: float | None
    best_step: int | None


def series(rows: Sequence[dict[str, float]]) -> dict[str, Points]:
    """(step, value) points by metric name, evaluations first, times last."""
    points: dict[str, Points] = {}
    for row in rows:
        for name, value in row.items():
            if name != "step":
                points.setdefault(name, []).append((row["step"], value))
    return dict(sorted(points.items(), key=lambda item: (_rank(item[0]), item[0])))


def summarize(name: str, points: Points, mode: str | None = None) -> Metric:
    """The last and the best value of a metric.

    Args:
        mode: 'max' or 'min'; None goes by the name. Only evaluations have a best:
            losses of training are noisy, and those of adversaries have no direction.
    """
    mode = mode or (direction(name) if is_result(name) else None)
    finite = [(value, step) for step, value in points if math.isfinite(value)]
    if mode is None or not finite:
        return Metric(name, points[-1][1], None, None)
    sign = 1 if mode == "max" else -1
    best, step = max(finite, key=lambda pair: sign * pair[0])
    return Metric(name, points[-1][1], best, int(step))


def direction(name: str) -> str | None:
    """'max', 'min', or None where the name does not tell."""
    words = set(name.rpartition("/")[2].split("_"))
    if "deviation" in words:
        return None
    if words & HIGHER:
        return "max"
    return "min" if words & LOWER else None


def charts(points: dict[str, Points]) -> dict[str, dict[str, Points]]:
    """Series of the same quantity together: {'loss': {'train': ..., 'test': ...}}.

    So are those of both sides of a game: {'logits': {'train real': ..., ...}}.
    Quantities that were measured once, or never changed, have no curve.
    """
    grouped: dict[str, dict[str, Points]] = {}
    for name, values in points.items():
        place, _, quantity = name.rpartition("/")
        side, _, rest = quantity.partition("_")
        if rest and side in _SIDES:
            place, quantity = f"{place} {side}".strip(), rest
        grouped.setdefault(quantity, {})[place or quantity] = values
    drawn = {
        quantity: dict(sorted(members.items(), key=_train_first))
        for quantity, members in grouped.items()
        if any(len({y for _, y in values}) > 1 for values in members.values())
    }
    first = ("loss", "accuracy")
    order = sorted(drawn, key=lambda q: first.index(q) if q in first else len(first))
    return {quantity: drawn[quantity] for quantity in order}


def is_result(name: str) -> bool:
    """Whether a metric was measured by an evaluation."""
    return "/" in name and name.partition("/")[0] not in _NOT_RESULTS


def _train_first(member: tuple[str, Points]) -> tuple[bool, str]:
    return not member[0].startswith("train"), member[0]


def _rank(name: str) -> int:
    if is_result(name):
        return 0
    return 2 if name.startswith("time/") else 1
