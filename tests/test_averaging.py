"""The average of the weights, when and how far it moves."""

import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.averaging import Averaging, average


def decays(averaging, steps):
    return [float(averaging.decay_at(jnp.int32(step))) for step in range(steps)]


def test_the_average_moves_at_each_step_or_at_every_so_many():
    np.testing.assert_allclose(decays(Averaging(0.9), 3), [0.9] * 3)
    found = decays(Averaging(0.9, every=3), 6)
    np.testing.assert_allclose(found, [1, 1, 0.9, 1, 1, 0.9])


def test_warmup_counts_the_updates():
    found = decays(Averaging(0.3, every=2, warmup=True), 8)
    np.testing.assert_allclose(found[1::2], [1 / 10, 2 / 11, 3 / 12, 0.3], rtol=1e-6)
    np.testing.assert_array_equal(found[::2], [1, 1, 1, 1])


def test_a_step_without_update_leaves_the_average_to_the_last_bit():
    old = {"params": {"w": jnp.array([0.1, -3e8, 0.0])}, "stats": {}}
    new = {"params": {"w": jnp.array([7.7, 1e-3, 2.0])}, "stats": {}}
    moved = average(old, new, Averaging(0.9, every=2).decay_at(jnp.int32(0)))
    np.testing.assert_array_equal(moved["params"]["w"], old["params"]["w"])


def test_spectral_vectors_are_copied_not_averaged():
    old = {"params": {"w": jnp.ones(1)}, "stats": {"spectral": {"u": jnp.ones(2)}}}
    new = {"params": {"w": jnp.zeros(1)}, "stats": {"spectral": {"u": jnp.zeros(2)}}}
    moved = average(old, new, 0.9)
    np.testing.assert_array_equal(moved["stats"]["spectral"]["u"], [0, 0])
    np.testing.assert_allclose(moved["params"]["w"], [0.9])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"decay": 1.0}, "task.ema_decay is 1.0; expected 0 <= ema_decay < 1"),
        ({"decay": 0.9, "every": 0}, "task.ema_every is 0; expected at least 1"),
    ],
)
def test_averages_out_of_range(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        Averaging(**fields)
