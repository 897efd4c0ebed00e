"""Precision, recall, density and coverage against their definitions."""

import numpy as np
import pytest

from resnet_jax.metrics import prdc as module
from resnet_jax.metrics.prdc import SUMMARY, prdc, precision_recall


def brute_force(real, fake, k):
    def between(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=-1)

    reach = [np.sort(between(x, x), axis=1)[:, k] for x in (real, fake)]
    distance = between(real, fake)
    inside = distance < reach[0][:, None]
    return {
        "precision": inside.any(0).mean(),
        "recall": (distance < reach[1]).any(1).mean(),
        "density": inside.sum() / (k * len(fake)),
        "coverage": inside.any(1).mean(),
    }


@pytest.mark.parametrize("k", [1, 5])
def test_brute_force(k, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 17)
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(60, 4)), rng.normal(size=(45, 4)) * 1.2 + 0.2
    assert prdc(real, fake, k) == pytest.approx(brute_force(real, fake, k), rel=1e-12)


def test_precision_and_recall_are_not_swapped():
    """Real images are of two kinds; the fakes are of one of them, and all good."""
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, 200, 2)) + np.array([[[-50]], [[50]]])
    real, fake = np.concatenate([left[:100], right[:100]]), left[100:]
    found = prdc(real, fake)
    assert found["precision"] > 0.9
    assert found["recall"] == pytest.approx(0.5, abs=0.05)
    assert found["coverage"] == pytest.approx(0.5, abs=0.05)
    turned = prdc(fake, real)
    assert turned["recall"] > 0.9
    assert turned["precision"] == pytest.approx(0.5, abs=0.05)


def test_the_same_images_are_perfect():
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    found = prdc(x, x)
    assert [found[name] for name in SUMMARY] == [1, 1, 1, 1]


def test_far_from_the_origin():
    """Large squares do not swallow the distances."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 80, 4)).astype(np.float32)
    far = prdc(real + 1000, fake + 1000)
    assert far == pytest.approx(prdc(real, fake), abs=0.03)


@pytest.mark.slow
def test_normal_features_give_the_published_values():
    """The table of the authors' README; its density differs by 0.07 between seeds."""
    rng = np.random.default_rng(0)
    real, fake = (rng.standard_normal((10_000, 1000), np.float32) for _ in "ab")
    found = [prdc(real, fake)[name] for name in SUMMARY]
    assert found == pytest.approx([0.4772, 0.4705, 1.0555, 0.9735], abs=0.02)


def test_accumulated_and_too_few():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 30, 3))
    metric = precision_recall(k=3)
    sums = metric.empty()
    for i in range(0, 30, 8):
        rows = {"real_features": real[i : i + 8], "fake_features": fake[i : i + 8]}
        sums = metric.add(sums, rows)
    assert metric.summary(sums) == pytest.approx(prdc(real, fake, 3))
    assert np.isnan(metric.summary(metric.empty())["recall"])
    with pytest.raises(ValueError, match="k = 3 neighbors need more than 3"):
        prdc(real[:3], fake, 3)
