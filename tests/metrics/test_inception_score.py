"""The inception score's identities."""

import numpy as np
import pytest

from resnet_jax.metrics.inception_score import inception_score


def score(logits, splits: int = 1, size: int = 7) -> tuple[float, float]:
    metric = inception_score(splits)
    sums = metric.empty()
    for start in range(0, len(logits), size):
        sums = metric.add(sums, {"fake_logits": np.array(logits[start : start + size])})
    found = metric.summary(sums)
    return found["classifier_score"], found["classifier_score_deviation"]


def test_all_classes_alike_and_sure_give_their_number():
    assert score(np.tile(1e4 * np.eye(10), (30, 1)), splits=3) == (
        pytest.approx(10),
        pytest.approx(0, abs=1e-12),
    )


def test_one_class_or_no_idea_gives_one():
    assert score(np.tile(1e4 * np.eye(10)[3], (20, 1)))[0] == pytest.approx(1)
    assert score(np.zeros((20, 10)))[0] == pytest.approx(1)


def test_definition():
    logits = np.random.default_rng(0).normal(size=(60, 5)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    parts = [p[i::4] for i in range(4)]
    scores = [np.exp((q * np.log(q / q.mean(0))).sum(1).mean()) for q in parts]
    found = score(logits, splits=4)
    assert found == pytest.approx((np.mean(scores), np.std(scores)), rel=1e-10)
    assert score(logits, splits=4, size=60) == pytest.approx(found, rel=1e-12)


def test_a_part_without_images_has_no_score():
    assert np.isnan(score(np.zeros((3, 2)), splits=4)[0])
