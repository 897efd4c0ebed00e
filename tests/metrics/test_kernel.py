"""The kernel distance against sums over pairs."""

import numpy as np
import pytest

from resnet_jax.metrics.kernel import kernel, kernel_distance, kernel_distances


def sides(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(count, 8)).astype(np.float32)
    return real, (1.5 * rng.normal(size=(count - 7, 8)) + 0.3).astype(np.float32)


def test_brute_force():
    real, fake = sides()

    def k(x, y):
        return (float(x.astype(np.float64) @ y.astype(np.float64)) / 8 + 1) ** 3

    def within(x):
        pairs = [(i, j) for i in range(len(x)) for j in range(len(x)) if i != j]
        return np.mean([k(x[i], x[j]) for i, j in pairs])

    between = np.mean([k(x, y) for x in real for y in fake])
    expected = within(real) + within(fake) - 2 * between
    assert kernel_distance(real, fake) == pytest.approx(expected, abs=1e-6)


def test_it_has_no_bias():
    """Of two draws of one distribution, the mean is zero within its own error."""
    rng = np.random.default_rng(1)
    found = [
        kernel_distance(rng.normal(size=(20, 4)), rng.normal(size=(20, 4)))
        for _ in range(400)
    ]
    error = np.std(found) / 20
    assert abs(np.mean(found)) < 3 * error
    assert min(found) < 0


def test_subsets_are_of_different_features_and_by_seed():
    real, fake = sides()
    whole = kernel_distances(real, fake[:33], subsets=3, size=1000)
    assert np.ptp(whole) > 0  # 33 of the 40 real features
    np.testing.assert_allclose(
        kernel_distances(real[:33], fake, subsets=2, size=33),
        kernel_distance(real[:33], fake),
    )
    again = kernel_distances(real, fake, 3, 10, seed=1)
    np.testing.assert_array_equal(again, kernel_distances(real, fake, 3, 10, seed=1))
    assert (again != kernel_distances(real, fake, 3, 10, seed=2)).all()


def test_accumulated():
    real, fake = sides()
    metric = kernel(subsets=4, size=10)
    sums = metric.add(metric.empty(), {"real_features": real})
    sums = metric.add(sums, {"fake_features": fake})
    whole = (sums[side].array(99) for side in ("real", "fake"))
    found = kernel_distances(*whole, 4, 10)
    assert metric.summary(sums) == {
        "kernel_distance": found.mean(),
        "kernel_distance_deviation": found.std(),
    }


def test_too_few():
    metric = kernel()
    assert np.isnan(metric.summary(metric.empty())["kernel_distance"])
    with pytest.raises(ValueError, match="two features or more"):
        kernel_distance(np.ones((1, 2)), np.ones((3, 2)))
