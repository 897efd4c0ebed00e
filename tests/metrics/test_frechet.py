"""The Fréchet distance against values known without a network."""

import numpy as np
import pytest

from resnet_jax.metrics.frechet import (
    NOTHING,
    frechet,
    frechet_distance,
    moments,
)


def features(seed: int, count: int, size: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, size)) @ rng.normal(size=(size, size)) + 3


def test_the_toy_of_compare_gan():
    real, fake = np.ones((100, 2)), np.full((100, 2), 9.0)
    real[:50, 0] = fake[50:, 0] = 2
    distance = frechet_distance(moments(real), moments(fake))
    assert distance == pytest.approx(89.091, abs=1e-3)


def test_equal_covariances_leave_the_means():
    real, step = features(0, 500, 6), np.arange(6.0)
    distance = frechet_distance(moments(real), moments(real + step))
    assert distance == pytest.approx(np.square(step).sum(), rel=1e-10)


def test_commuting_covariances_by_hand():
    """Of equal axes, the trace is the sum of (deviation - deviation)^2."""
    real = features(0, 500, 3)
    real = (real - real.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(real.T))).T
    distance = frechet_distance(moments(real), moments(real * [1, 2, 4]))
    assert distance == pytest.approx(0 + 1 + 9, rel=1e-10)


def test_moments_are_numpys():
    real = features(0, 50, 4)
    found = moments(real)
    np.testing.assert_allclose(found.mean, real.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(real.T), rtol=1e-10)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_streamed_equals_batch_and_batches_change_nothing(size):
    real, fake = features(0, 200, 5), features(1, 150, 5)
    metric = frechet()
    sums = metric.empty()
    for start in range(0, 200, size):
        rows = slice(start, start + size)
        sums = metric.add(
            sums, {"real_features": real[rows], "fake_features": fake[rows]}
        )
    whole = frechet_distance(moments(real), moments(fake))
    assert metric.summary(sums)["frechet_distance"] == pytest.approx(whole, rel=1e-10)
    assert sums["fake"].examples == 150


def test_fewer_features_than_dimensions():
    """The covariances have no full rank, where roots of matrices break down."""
    few = features(0, 10, 40)
    assert frechet_distance(moments(few), moments(few)) < 1e-8 * np.var(few) * 40
    apart = frechet_distance(moments(few), moments(features(1, 10, 40)))
    assert np.isfinite(apart) and apart > 0


def test_features_that_are_always_zero_change_nothing():
    """As after ReLU. Then only the eigenvectors give a factor."""
    real, fake = features(0, 200, 5), features(1, 150, 5)
    wider = (moments(np.pad(x, ((0, 0), (0, 3)))) for x in (real, fake))
    distance = frechet_distance(moments(real), moments(fake))
    assert frechet_distance(*wider) == pytest.approx(distance, rel=1e-10)


def test_no_number_of_too_little_or_broken_features():
    one, broken = moments(np.ones((1, 2))), moments(np.full((3, 2), np.nan))
    fine = moments(features(0, 9, 2))
    for wrong in (NOTHING, one, broken):
        assert np.isnan(frechet_distance(fine, wrong))


def test_other_features_are_refused():
    with pytest.raises(ValueError, match="one size, not of 2 and 3"):
        frechet_distance(moments(np.ones((4, 2))), moments(np.ones((4, 3))))
