"""MIND against its definition."""

import numpy as np
import pytest

from resnet_jax.metrics import mind as module
from resnet_jax.metrics.mind import mind, sliced


def test_oracle(monkeypatch):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 20, 3))
    units = np.random.default_rng(4).normal(size=(7, 3))
    total = 0.0
    for unit in units:
        a, b = (sorted(x @ unit / np.sqrt(unit @ unit)) for x in (real, fake))
        total += sum((p - q) ** 2 for p, q in zip(a, b, strict=True))
    monkeypatch.setattr(module, "BLOCK", 3)
    found = mind(real, fake, directions=7, seed=4)
    assert found == pytest.approx(3 * 3 * total / (20 * 7), rel=1e-12)


def test_a_shift_counts_its_square():
    """A shift s moves a projection by s u, whose square has the mean |s|^2 / D."""
    real = np.random.default_rng(0).normal(size=(30, 5))
    shift = np.array([3.0, 0, 0, 4, 0])
    found = mind(real, real + shift, directions=20_000)
    assert found == pytest.approx(3 * 25, rel=0.02)


def test_order_does_not_matter():
    real, fake = np.random.default_rng(0).normal(size=(2, 30, 5))
    assert mind(real, real[::-1]) == 0
    assert mind(real, fake[::-1]) == mind(real, fake) > 0


def test_accumulated_and_refused():
    real, fake = np.random.default_rng(0).normal(size=(2, 30, 5))
    metric = sliced(directions=50)
    sums = metric.empty()
    for i in range(0, 30, 7):
        rows = {"real_features": real[i : i + 7], "fake_features": fake[i : i + 7]}
        sums = metric.add(sums, rows)
    assert metric.summary(sums) == {"mind": pytest.approx(mind(real, fake, 50))}
    assert np.isnan(metric.summary(metric.empty())["mind"])
    with pytest.raises(ValueError, match="as many features of each side"):
        mind(real, fake[:29])
