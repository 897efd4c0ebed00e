"""Golden values; halves make the whole; ignored rows change nothing."""

import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics

from resnet_jax.metrics.accumulator import share
from resnet_jax.metrics.accuracy import accuracy
from resnet_jax.metrics.calibration import calibration
from resnet_jax.metrics.confusion import confusion, mistakes
from resnet_jax.metrics.ranking import ranking

K = 7
METRICS = {
    "accuracy": accuracy(K),
    "calibration": calibration(K),
    "confusion": confusion(K),
    "mistakes": mistakes(5),
}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(200, K)).astype(np.float32)
    label = rng.integers(-1, K, 200)
    found = {k: np.asarray(v) for k, v in ranking(logits, jnp.array(label)).items()}
    return {"index": np.arange(200), "label": label, "logits": logits, **found}


def part(rows, chosen):
    return {key: values[chosen] for key, values in rows.items()}


@pytest.mark.parametrize("name", METRICS)
def test_halves_add_up_to_the_whole(rows, name):
    metric = METRICS[name]
    whole = metric.add(metric.empty(), rows)
    halves = metric.empty()
    for half in (slice(0, 77), slice(77, None)):
        halves = metric.add(halves, part(rows, half))
    np.testing.assert_equal(whole, halves)


@pytest.mark.parametrize("name", METRICS)
def test_ignored_labels_change_nothing(rows, name):
    metric = METRICS[name]
    without = metric.add(metric.empty(), part(rows, rows["label"] >= 0))
    np.testing.assert_equal(metric.add(metric.empty(), rows), without)


def test_accuracy_agrees_with_scikit_learn(rows):
    counted = part(rows, rows["label"] >= 0)
    metric = METRICS["accuracy"]
    summary = metric.summary(metric.add(metric.empty(), rows))
    label, logits = counted["label"], counted["logits"]
    top5 = sklearn.metrics.top_k_accuracy_score(label, logits, k=5, labels=range(K))
    assert summary["examples"] == len(label)
    assert summary["accuracy"] == np.mean(logits.argmax(-1) == label)
    assert summary["top5_accuracy"] == pytest.approx(top5)
    shifted = logits - logits.max(-1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    expected = -logp[np.arange(len(label)), label].mean()
    assert summary["loss"] == pytest.approx(expected, rel=1e-6)


def test_confusion_agrees_with_scikit_learn(rows):
    counted = part(rows, rows["label"] >= 0)
    metric = METRICS["confusion"]
    counts = metric.add(metric.empty(), rows)
    expected = sklearn.metrics.confusion_matrix(counted["label"], counted["predicted"])
    np.testing.assert_array_equal(counts, expected)
    assert metric.summary(counts) == {}


def test_per_class_accuracy():
    rows = {"label": [0, 0, 2], "rank": [0, 3, 0], "loss": [1.0, 1.0, 1.0]}
    metric = accuracy(3)
    sums = metric.add(metric.empty(), {k: np.array(v) for k, v in rows.items()})
    accuracies = share(sums["top1"], sums["examples"])
    np.testing.assert_equal(accuracies, [0.5, np.nan, 1.0])


def test_mistakes_are_the_most_confident_ones(rows):
    metric = METRICS["mistakes"]
    worst = metric.add(metric.empty(), rows)
    wrong = (rows["predicted"] != rows["label"]) & (rows["label"] >= 0)
    expected = np.sort(rows["confidence"][wrong])[::-1][:5]
    np.testing.assert_array_equal(worst["confidence"], expected)
    assert (worst["label"] != worst["predicted"]).all()


def test_no_examples_give_nan_and_few_classes_no_top5():
    metric = accuracy(3)
    summary = metric.summary(metric.empty())
    assert np.isnan(summary["accuracy"]) and "top5_accuracy" not in summary


def test_rank_of_ties_and_broken_logits():
    """Constant logits are right for class 0 only, as argmax says; NaN never is."""
    constant = ranking(jnp.zeros((3, 3)), jnp.array([0, 1, 2]))
    np.testing.assert_array_equal(constant["rank"], [0, 1, 2])
    broken = ranking(jnp.array([[jnp.nan, 0.0, 1.0]]), jnp.array([0]))
    np.testing.assert_array_equal(broken["rank"], [3])
