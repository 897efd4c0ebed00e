"""Values by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.losses.adversarial import LOSSES
from resnet_jax.parallel import rows, whole

REAL, FAKE = np.array([2.0, -0.5, 0.25, 1.5]), np.array([-1.5, 0.75, 3.0, -0.25])


def log_sigmoid(x):
    return np.log(1 / (1 + np.exp(-x)))


def means(of_real, of_fake):
    return np.mean(of_real) + np.mean(of_fake)


ABOVE, BELOW = REAL - FAKE.mean(), FAKE - REAL.mean()
CLASSIFIED = means(-log_sigmoid(REAL), -log_sigmoid(-FAKE))
BY_HAND = {
    "minimax": (CLASSIFIED, np.mean(log_sigmoid(-FAKE))),
    "non_saturating": (CLASSIFIED, np.mean(-log_sigmoid(FAKE))),
    # max(0, 1 - real): 0, 1.5, 0.75, 0; max(0, 1 + fake): 0, 1.75, 4, 0.75.
    "hinge": (2.25 / 4 + 6.5 / 4, -0.5),
    # squares of real - 1: 1, 2.25, 0.5625, 0.25; of fake: 2.25, 0.5625, 9, 0.0625;
    # of fake - 1: 6.25, 0.0625, 4, 1.5625.
    "lsgan": (4.0625 / 8 + 11.875 / 8, 11.875 / 4),
    "wasserstein": (0.5 - 0.8125, -0.5),
    "relativistic": (
        np.mean(-log_sigmoid(REAL - FAKE)),
        np.mean(-log_sigmoid(FAKE - REAL)),
    ),
    "relativistic_average": (
        means(-log_sigmoid(ABOVE), -log_sigmoid(-BELOW)),
        means(-log_sigmoid(-ABOVE), -log_sigmoid(BELOW)),
    ),
    # above: 1.5, -1, -0.25, 1; below: -2.3125, -0.0625, 2.1875, -1.0625.
    "relativistic_average_hinge": (
        (3.25 / 4 + 4.125 / 4) / 2,
        (2.5 + 0 + 0.75 + 2 + 3.3125 + 1.0625 + 0 + 2.0625) / 8,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_values(name):
    loss, (discriminator, generator) = LOSSES[name], BY_HAND[name]
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    found = loss.discriminator(real, fake)
    np.testing.assert_allclose(found, discriminator, rtol=1e-6)
    np.testing.assert_allclose(loss.generator(real, fake), generator, rtol=1e-6)
    assert found.shape == () and found.dtype == jnp.float32


@pytest.mark.parametrize("name", LOSSES)
def test_a_better_player_pays_less(name):
    loss = LOSSES[name]
    real, fake = jnp.array([0.3, -0.2]), jnp.array([0.1, 0.2])
    by_real, by_fake = jax.grad(loss.discriminator, (0, 1))(real, fake)
    assert (by_real < 0).all() and (by_fake > 0).all()
    assert (jax.grad(loss.generator, 1)(real, fake) < 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_only_relativistic_generators_read_the_reals(name):
    loss = LOSSES[name]
    if not loss.relativistic:
        assert jnp.isfinite(loss.generator(None, jnp.ones(3)))
    else:
        by_real = jax.grad(loss.generator)(jnp.zeros(3), jnp.zeros(3))
        assert (by_real > 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_logits_stay_finite(name):
    loss, far = LOSSES[name], jnp.array([1e4, -1e4])
    for play in (loss.discriminator, loss.generator):
        value, gradients = jax.value_and_grad(play, 1)(far, -far)
        assert jnp.isfinite(value) and jnp.isfinite(gradients).all()


@pytest.mark.parametrize("name", LOSSES)
def test_gathered_logits_give_devices_the_loss_of_the_whole_batch(name):
    """Gradients, too: their mean over devices is that of one device."""
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)

    def loss(scale, axis_name):
        parts = (rows(x, axis_name) * scale for x in (real, fake))
        return LOSSES[name].discriminator(*(whole(x, axis_name) for x in parts))

    def step(scale):
        value, slope = jax.value_and_grad(loss)(scale, "data")
        return value, jax.lax.pmean(slope, "data")

    found = jax.pmap(step, "data")(jnp.full(2, 0.7))
    expected = jax.value_and_grad(loss)(0.7, None)
    for one, several in zip(expected, found, strict=True):
        np.testing.assert_allclose(several, [one, one], rtol=1e-6)
