"""A sample of features is fair, bounded, and the same for any batches."""

import numpy as np
import pytest

from resnet_jax.metrics.sample import Sample, sampled

FEATURES = np.arange(1000.0)[:, None] * [1, 2]


def taken(size: int, most: int) -> tuple[np.ndarray, int]:
    """The sample, and the largest number of features that was kept on the way."""
    sample, held = Sample(), 0
    for start in range(0, 1000, size):
        sample = sample.add(FEATURES[start : start + size], most)
        held = max(held, sum(map(len, sample.features)))
    assert sample.seen == 1000
    return sample.array(most), held


@pytest.mark.parametrize("size", [7, 130])
def test_batches_change_nothing_and_the_cap_holds(size):
    found, held = taken(size, 50)
    np.testing.assert_array_equal(found, taken(1000, 50)[0])
    assert found.shape == (50, 2) and held <= 100
    assert len(np.unique(found[:, 0])) == 50


def test_it_is_fair():
    """Means of 100 of 0 ... 999 deviate by 27."""
    found, _ = taken(64, 100)
    assert abs(found[:, 0].mean() - 499.5) < 3 * 27
    counts, _ = np.histogram(found[:, 0], 4, (0, 1000))
    assert counts.min() > 10


def test_fewer_than_wanted_are_all_kept():
    found, _ = taken(300, 5000)
    np.testing.assert_array_equal(found[np.argsort(found[:, 0])], FEATURES)


def test_sides_may_come_apart():
    metric = sampled(lambda real, fake: {"real": len(real), "fake": len(fake)}, 10)
    sums = metric.add(metric.empty(), {"real_features": FEATURES})
    assert metric.summary(sums) == {"real": 10, "fake": 0}
    both = {"real_features": FEATURES[:3], "fake_features": FEATURES[:4]}
    assert metric.summary(metric.add(metric.empty(), both)) == {"real": 3, "fake": 4}
