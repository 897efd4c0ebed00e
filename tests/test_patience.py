"""How long a run waits for a better evaluation."""

import math

from resnet_jax.patience import Waiting


def after(scores, sign="max"):
    waiting = Waiting()
    for step, score in enumerate(scores, 1):
        waiting = waiting.after(step, score, sign)
    return waiting


def test_it_counts_the_evaluations_since_the_best():
    assert after([0.1, 0.3, 0.2, 0.3]) == Waiting(0.3, 2, 2)
    assert after([0.1, 0.3, 0.2, 0.4]) == Waiting(0.4, 4, 0)
    assert after([-3.0, -2.0, -2.5], "min") == Waiting(-3.0, 1, 2)


def test_nan_is_never_better():
    assert after([math.nan, math.nan]) == Waiting(None, 0, 2)
    assert after([math.nan, 0.1, math.nan]) == Waiting(0.1, 2, 1)
