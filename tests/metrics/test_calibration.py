"""Calibration against values computed by hand, and a definition written twice."""

import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics

from resnet_jax.metrics.calibration import calibration
from resnet_jax.metrics.ranking import ranking


def summary(metric, **rows):
    given = {name: np.array(values) for name, values in rows.items()}
    return metric.summary(metric.add(metric.empty(), given))


def test_by_hand():
    """Two bins of two: (0, 0.5] says 0.4 and is right half of the time, (0.5, 1] says
    0.8 and is always right. The fifth example is not counted."""
    found = summary(
        calibration(2, bins=2),
        label=[0, 1, 1, 0, -1],
        rank=[0, 1, 0, 0, 1],
        confidence=[0.5, 0.3, 0.9, 0.7, 0.2],
        brier=[0.5, 1.5, 0.02, 0.18, 9.0],
    )
    assert found["calibration_error"] == pytest.approx(0.5 * 0.1 + 0.5 * 0.2)
    assert found["max_calibration_error"] == pytest.approx(0.2)
    assert found["brier_score"] == pytest.approx(2.2 / 4)


def test_a_bin_holds_its_upper_edge():
    metric = calibration(2, bins=4)
    rows = {"confidence": [0.25, 0.26, 0.75, 1.0], "label": [0, 0, 1, 1]}
    rows |= {"rank": [0] * 4, "brier": [0.0] * 4}
    sums = metric.add(metric.empty(), {k: np.array(v) for k, v in rows.items()})
    np.testing.assert_array_equal(sums["examples"], [1, 1, 1, 1])
    np.testing.assert_allclose(sums["class_confidence"], [0.51, 1.75])


def test_many_examples_agree_with_the_definitions():
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(500, 4)).astype(np.float32)
    label = rng.integers(0, 4, 500)
    found = {k: np.asarray(v) for k, v in ranking(logits, jnp.array(label)).items()}
    values = summary(calibration(4), label=label, **found)
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    probability = shifted / shifted.sum(-1, keepdims=True)
    sure, right = probability.max(-1), probability.argmax(-1) == label
    gaps = {}
    for m in range(15):
        inside = (sure > m / 15) & (sure <= (m + 1) / 15)
        if inside.any():
            gaps[m] = (inside.mean(), abs(right[inside].mean() - sure[inside].mean()))
    expected = sum(weight * gap for weight, gap in gaps.values())
    assert values["calibration_error"] == pytest.approx(expected, rel=1e-5)
    largest = max(gap for _, gap in gaps.values())
    assert values["max_calibration_error"] == pytest.approx(largest, rel=1e-5)
    brier = sklearn.metrics.brier_score_loss(label, probability, scale_by_half=False)
    assert values["brier_score"] == pytest.approx(brier, rel=1e-5)


def test_no_example_and_a_broken_network_give_nan():
    metric = calibration(3)
    assert all(np.isnan(v) for v in metric.summary(metric.empty()).values())
    broken = ranking(jnp.full((1, 3), jnp.nan), jnp.array([0]))
    rows = {name: np.asarray(values) for name, values in broken.items()}
    assert np.isnan(summary(metric, label=[0], **rows)["calibration_error"])
