import jax
import numpy as np
import pytest

from resnet_jax.nn.stochastic import drop_block, drop_path, dropout

KEY = jax.random.key(0)
RATE = 0.25


def test_dropout_drops_values_and_keeps_their_mean():
    y = np.asarray(dropout(KEY, np.ones((100, 400), "f4"), RATE))
    assert set(np.unique(y)) == {0.0, np.float32(1 / (1 - RATE))}
    assert np.mean(y == 0) == pytest.approx(RATE, abs=0.01)


def test_drop_path_drops_whole_examples():
    x = np.random.default_rng(0).normal(size=(4000, 2, 2, 3)).astype("f4")
    y = np.asarray(drop_path(KEY, x, RATE))
    gone = (y == 0).all((1, 2, 3))
    assert gone.mean() == pytest.approx(RATE, abs=0.03)
    np.testing.assert_allclose(y[~gone], x[~gone] / (1 - RATE), rtol=1e-6)


def opening(dropped, size):
    """The positions that lie in a dropped square of that side, inside the map."""
    margins = ((0, 0), (size, size), (size, size))
    inside = np.pad(dropped, margins, constant_values=True)
    windows = np.lib.stride_tricks.sliding_window_view(inside, (size, size), (1, 2))
    whole = np.pad(windows.all((-1, -2)), [(0, 0), (size - 1,) * 2, (size - 1,) * 2])
    covered = np.lib.stride_tricks.sliding_window_view(whole, (size, size), (1, 2))
    covered = covered.any((-1, -2))
    return covered[:, size:-size, size:-size]


def share(rate, sizes, size):
    """The expected share of dropped positions."""
    reach = []
    for n in sizes:
        side, place = min(size, n), np.arange(n)
        first, last = place - (side - 1) // 2, place + side // 2
        reach.append(np.minimum(last, n - 1) - np.maximum(first, 0) + 1)
    height, width = sizes
    h, w = min(size, height), min(size, width)
    gamma = rate * height * width / (h * w) / ((height - h + 1) * (width - w + 1))
    return 1 - np.mean((1 - gamma) ** np.outer(*reach))


@pytest.mark.parametrize(
    ("size", "sides"), [(3, (14, 15)), (4, (14, 15)), (5, (9, 9)), (7, (2, 2))]
)
def test_drop_block_drops_squares_in_all_channels(size, sides):
    x = np.ones((300, *sides, 3), "f4")
    y = np.asarray(drop_block(KEY, x, 0.2, size))
    dropped = (y == 0).all(-1)
    np.testing.assert_array_equal(dropped, (y == 0).any(-1))
    np.testing.assert_array_equal(opening(dropped, min(size, *sides)), dropped)
    assert dropped.mean() == pytest.approx(share(0.2, sides, size), abs=0.02)
    assert y.mean() == pytest.approx(1, abs=1e-5)


def test_drop_block_has_a_scale_of_its_rate():
    x = np.ones((50, 8, 8, 1), "f4")
    once, scaled = drop_block(KEY, x, 0.1, 3), drop_block(KEY, x, 0.4, 3, 0.25)
    np.testing.assert_array_equal(once, scaled)
