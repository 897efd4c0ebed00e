"""Whether a classifier is right as often as it says: calibration and Brier score."""

import numpy as np

from resnet_jax.metrics.accumulator import Accumulator, Rows

BINS = 15


def calibration(num_classes: int, bins: int = BINS) -> Accumulator:
    """Confidence against accuracy in bins of equal width, and the Brier score.

    Guo et al. 2017, arXiv:1706.04599, section 2: bin m of M takes the examples whose
    confidence, the probability of the predicted class, is in ((m - 1) / M, m / M].

    Rows: 'label' int [B], -1 is not counted; 'rank' int [B], 0 where the answer was
    right; 'confidence' and 'brier' [B]. Sums: 'examples', 'confidence' and 'right' of
    the bins [M]; 'class_confidence' of the true classes [K]; 'brier'.

    The summary's values, NaN of no example:
        'calibration_error', in [0, 1]: the mean over examples of |accuracy -
            confidence| of their bin (equation 3, with M = 15 as in the paper).
        'max_calibration_error', in [0, 1]: the largest of a bin (equation 5), which
            few examples can decide.
        'brier_score', in [0, 2]: the mean of sum_k (p_k - [k is true])^2, the original
            definition of Brier 1950.
    """
    upper = np.arange(1, bins + 1) / bins

    def empty() -> dict[str, np.ndarray]:
        sums = {name: np.zeros(bins) for name in ("examples", "confidence", "right")}
        return {
            **sums,
            "class_confidence": np.zeros(num_classes),
            "brier": np.zeros(()),
        }

    def add(sums: dict, rows: Rows) -> dict:
        counted = rows["label"] >= 0
        confidence = rows["confidence"][counted].astype(np.float64)
        label, right = rows["label"][counted], rows["rank"][counted] < 1
        # NaN, of a broken network, goes to the last bin and makes it NaN.
        place = np.minimum(np.searchsorted(upper, confidence), bins - 1)
        new = {
            "examples": np.bincount(place, minlength=bins),
            "confidence": np.bincount(place, confidence, bins),
            "right": np.bincount(place, right, bins),
            "class_confidence": np.bincount(label, confidence, num_classes),
            "brier": rows["brier"][counted].astype(np.float64).sum(),
        }
        return {name: total + new[name] for name, total in sums.items()}

    def summary(sums: dict) -> dict[str, float]:
        examples = sums["examples"].sum()
        if not examples:
            return dict.fromkeys(SUMMARY, np.nan)
        gap = np.abs(sums["right"] - sums["confidence"])
        filled = sums["examples"] > 0
        values = (
            gap.sum() / examples,
            (gap[filled] / sums["examples"][filled]).max(),
            sums["brier"] / examples,
        )
        return dict(zip(SUMMARY, map(float, values), strict=True))

    return Accumulator(empty, add, summary)


SUMMARY = ("calibration_error", "max_calibration_error", "brier_score")
