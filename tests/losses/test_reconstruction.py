"""Values by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.losses.reconstruction import LOSSES, charbonnier_loss

# Differences 0.25, -0.5, 0 and 1.5 in the first image, 0 in the second.
TARGET = jnp.linspace(-1, 1, 8).reshape(2, 2, 2, 1)
IMAGE = TARGET + jnp.array([0.25, -0.5, 0, 1.5, 0, 0, 0, 0]).reshape(2, 2, 2, 1)
BY_HAND = {
    "l1": 2.25 / 8,
    "l2": (0.0625 + 0.25 + 2.25) / 8,
    "charbonnier": sum((d * d + 1e-6) ** 0.5 for d in (0.25, 0.5, 0, 1.5)) / 8 + 5e-4,
    "half_square": 0.5 * (0.0625 + 0.25 + 2.25) / 2,
}


@pytest.mark.parametrize("name", LOSSES)
def test_values(name):
    found = LOSSES[name](IMAGE, TARGET)
    assert found.shape == () and found.dtype == jnp.float32
    np.testing.assert_allclose(found, BY_HAND[name], rtol=1e-6)
    np.testing.assert_allclose(LOSSES[name](TARGET, IMAGE), found)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_lead_to_the_target_and_are_finite_there(name):
    slope = jax.grad(LOSSES[name])(IMAGE, TARGET)
    assert (slope * (IMAGE - TARGET) >= 0).all() and (slope != 0).sum() == 3
    assert (jax.grad(LOSSES[name])(TARGET, TARGET) == 0).all()


def test_charbonnier_is_l1_far_away_and_l2_near():
    far = charbonnier_loss(jnp.full((1, 1, 1, 1), 5.0), jnp.zeros((1, 1, 1, 1)))
    np.testing.assert_allclose(far, 5, rtol=1e-6)
    near = charbonnier_loss(jnp.full((1, 1, 1, 1), 0.1), jnp.zeros(()), epsilon=10.0)
    np.testing.assert_allclose(near, 10 + 0.01 / 20, rtol=1e-6)
