"""Who is taken for whom, and the mistakes made with the most confidence."""

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator, Rows


def confusion(num_classes: int) -> Accumulator:
    """Counts [true, predicted], float64. Rows: 'label', 'predicted' int [B].

    Its summary is empty: the sums are the result.
    """

    def add(counts: np.ndarray, rows: Rows) -> np.ndarray:
        counted = rows["label"] >= 0
        pair = rows["label"][counted] * num_classes + rows["predicted"][counted]
        new = np.bincount(pair, minlength=num_classes**2)
        return counts + new.reshape(num_classes, num_classes)

    return Accumulator(lambda: np.zeros((num_classes,) * 2), add, lambda counts: {})


MISTAKE_KEYS = ("index", "label", "predicted", "confidence")


def mistakes(most: int = 16) -> Accumulator:
    """The most confident wrong answers.

    Rows: 'index', 'label', 'predicted' int [B], 'confidence' [B] the probability of
    the predicted class. Sums: the same keys, at most `most` rows each, most confident
    first, the lower index first among equals. Its summary is empty.
    """

    def empty() -> dict[str, np.ndarray]:
        return {key: np.zeros(0) for key in MISTAKE_KEYS}

    def add(worst: dict, rows: Rows) -> dict:
        wrong = (rows["label"] >= 0) & (rows["predicted"] != rows["label"])
        merged = {
            key: np.concatenate([worst[key], rows[key][wrong]]) for key in MISTAKE_KEYS
        }
        order = np.lexsort((merged["index"], -merged["confidence"]))[:most]
        return {key: values[order] for key, values in merged.items()}

    return Accumulator(empty, add, lambda worst: {})
