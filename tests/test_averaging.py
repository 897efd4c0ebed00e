"""The average of the weights, when and how far it moves."""

import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.averaging import Averaging, average
from resnet_jax.optim import create_schedule


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


def test_a_half_life_in_images():
    """With 512 images a step: after a half-life, old weights count half."""
    averaging = Averaging(half_life=lambda images: 5120.0, batch_size=512)
    assert averaging
    np.testing.assert_allclose(np.prod(decays(averaging, 10)), 0.5, rtol=1e-6)
    rare = Averaging(half_life=lambda images: 5120.0, batch_size=512, every=5)
    np.testing.assert_allclose(decays(rare, 5), [1, 1, 1, 1, 0.5**0.5], rtol=1e-6)


def test_a_half_life_with_a_schedule_or_a_ramp():
    # After 0, 64, 128, ... images a twentieth of them, until that is 8: at 160 images.
    ramp = Averaging(half_life=lambda images: 8.0, batch_size=64, ramp=0.05)
    expected = [0, 0.5 ** (64 / 3.2), 0.5 ** (64 / 6.4), 0.5**8, 0.5**8]
    np.testing.assert_allclose(decays(ramp, 5), expected, rtol=1e-5)
    rising = create_schedule(
        {"name": "cosine", "base": 0, "end": 512, "over": 256}, 999
    )
    scheduled = Averaging(half_life=rising, batch_size=64)
    found = [decays(scheduled, 9)[step] for step in (0, 2, 4, 8)]
    np.testing.assert_allclose(found, [0, 0.5**0.25, 0.5**0.125, 0.5**0.125], rtol=1e-6)


def test_half_lives_of_hundreds_of_millions_of_images():
    averaging = Averaging(half_life=lambda images: images, batch_size=4096)
    found = averaging.decay_at(jnp.int32(1_000_000))  # 4 billion: no int32
    np.testing.assert_allclose(1 - found, np.log(2) / 1e6, rtol=0.1)


def test_half_life_zero_is_the_newest_weights():
    averaging = Averaging(half_life=lambda images: 0.0)
    moved = average(
        {"w": jnp.ones(1)}, {"w": jnp.array([7.0])}, decays(averaging, 1)[0]
    )
    assert moved["w"] == 7


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
        ({"decay": 0.9, "half_life": abs}, "ema_decay and ema_half_life; give one"),
        ({"half_life": abs, "ramp": 0.0}, "ema_ramp is 0.0; expected more than 0"),
        ({"ramp": 0.1}, "ema_ramp is 0.1; expected more than 0, and ema_half_life"),
    ],
)
def test_averages_out_of_range(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        Averaging(**fields)
