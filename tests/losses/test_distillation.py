"""Values by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.losses.distillation import distillation_loss

TEACHER = jnp.log(jnp.array([[1.0, 2.0, 5.0], [4.0, 4.0, 2.0]]))
STUDENT = jnp.log(jnp.array([[2.0, 2.0, 4.0], [5.0, 4.0, 1.0]]))


def test_it_is_the_mean_divergence():
    p, q = np.array([[1, 2, 5], [4, 4, 2]]), np.array([[2, 2, 4], [5, 4, 1]])
    p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
    expected = (p * np.log(p / q)).sum(1).mean()
    np.testing.assert_allclose(distillation_loss(STUDENT, TEACHER, 1.0), expected, 1e-5)


def test_temperature_takes_roots_of_the_probabilities():
    p, q = (np.sqrt([[1, 2, 5], [4, 4, 2]]), np.sqrt([[2, 2, 4], [5, 4, 1]]))
    p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
    expected = 4 * (p * np.log(p / q)).sum(1).mean()
    np.testing.assert_allclose(distillation_loss(STUDENT, TEACHER, 2.0), expected, 1e-5)


def test_agreement_costs_nothing_and_large_logits_are_finite():
    assert abs(float(distillation_loss(TEACHER, TEACHER + 7, 3.0))) < 1e-6
    gradient = jax.grad(distillation_loss)(1e4 * STUDENT, -1e4 * TEACHER, 1.0)
    assert jnp.isfinite(gradient).all()


def test_the_gradient_keeps_its_size_at_high_temperature():
    """Towards T^2 * (student - teacher) / (K T^2), both centered: section 2.1."""
    centered = STUDENT - TEACHER - (STUDENT - TEACHER).mean(1, keepdims=True)
    gradient = jax.grad(distillation_loss)(STUDENT, TEACHER, 1e3)
    np.testing.assert_allclose(gradient, centered / (3 * 2), atol=2e-3)
