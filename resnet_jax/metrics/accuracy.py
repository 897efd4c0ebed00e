"""Classification accuracy: top-1, top-5, per class, with the mean loss."""

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator, Rows


def accuracy(num_classes: int) -> Accumulator:
    """Share of examples whose true class is ranked first, or among the first five.

    Rows: 'label' int [B], -1 is not counted; 'rank' int [B], how many classes come
    before the true one, num_classes where a logit was not finite; 'loss' [B].

    The summary's values: 'accuracy', 'top5_accuracy' (with more than five classes),
    'loss' in nats, 'examples' counted. The first three are NaN of no example.
    """

    def empty() -> dict[str, np.ndarray]:
        sums = {"examples": np.zeros(num_classes), "top1": np.zeros(num_classes)}
        return {**sums, "top5": np.zeros(num_classes), "loss": np.zeros(())}

    def add(sums: dict, rows: Rows) -> dict:
        counted = rows["label"] >= 0
        label, rank = rows["label"][counted], rows["rank"][counted]

        def count(weights):
            return np.bincount(label, weights, minlength=num_classes)

        return {
            "examples": sums["examples"] + count(None),
            "top1": sums["top1"] + count(rank < 1),
            "top5": sums["top5"] + count(rank < 5),
            "loss": sums["loss"] + rows["loss"][counted].astype(np.float64).sum(),
        }

    def summary(sums: dict) -> dict[str, float]:
        examples = sums["examples"].sum()
        share = np.float64(1) / examples if examples else np.nan
        values = {
            "accuracy": sums["top1"].sum() * share,
            "loss": sums["loss"] * share,
            "examples": examples,
        }
        if num_classes > 5:
            values["top5_accuracy"] = sums["top5"].sum() * share
        return {name: float(value) for name, value in values.items()}

    return Accumulator(empty, add, summary)
