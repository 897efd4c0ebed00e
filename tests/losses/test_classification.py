"""Values by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.losses.classification import (
    LOSSES,
    binary_cross_entropy_loss,
    class_targets,
    cross_entropy_loss,
    l1_penalty,
)

LOGITS = jnp.log(jnp.array([[1.0, 2.0, 5.0], [4.0, 4.0, 2.0]]))


def test_targets_with_smoothing_and_ignored_labels():
    targets = class_targets(jnp.array([2, -1]), 4, smoothing=0.2)
    np.testing.assert_allclose(targets, [[0.05, 0.05, 0.85, 0.05], [0, 0, 0, 0]])


def test_cross_entropy_is_the_mean_of_minus_log_probabilities():
    loss = cross_entropy_loss(LOGITS, class_targets(jnp.array([2, 0]), 3))
    np.testing.assert_allclose(loss, -(np.log(5 / 8) + np.log(0.4)) / 2, rtol=1e-6)


def test_cross_entropy_with_smoothing_as_pytorch_defines_it():
    loss = cross_entropy_loss(LOGITS[:1], class_targets(jnp.array([2]), 3, 0.3))
    logp = np.log([1 / 8, 2 / 8, 5 / 8])
    np.testing.assert_allclose(loss, -0.7 * logp[2] - 0.1 * logp.sum(), rtol=1e-6)


def test_binary_cross_entropy_is_the_mean_over_classes_too():
    logits = jnp.array([[0.0, jnp.log(3.0)]])
    loss = binary_cross_entropy_loss(logits, jnp.array([[1.0, 0.0]]))
    np.testing.assert_allclose(loss, (np.log(2) + np.log(4)) / 2, rtol=1e-6)


def test_a_threshold_makes_each_mixed_class_a_full_one():
    logits = jnp.array([[0.0, jnp.log(3.0), -jnp.log(3.0)]])
    mixed = jnp.array([[0.7, 0.25, 0.05]])
    loss = binary_cross_entropy_loss(logits, mixed, threshold=0.2)
    expected = (np.log(2) + np.log(4 / 3) + np.log(4 / 3)) / 3
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_l1_is_of_kernels_only():
    params = {"conv": {"kernel": jnp.array([[1.0, -2.0]]), "bias": jnp.array([7.0])}}
    assert l1_penalty(params) == 3 and l1_penalty({}) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_ignored_examples_change_nothing(name):
    labels = jnp.array([2, 0])
    whole = LOSSES[name](LOGITS, class_targets(labels, 3))
    padded = LOSSES[name](
        jnp.concatenate([LOGITS, 100 + LOGITS]),
        class_targets(jnp.concatenate([labels, -jnp.ones(2, int)]), 3),
    )
    np.testing.assert_allclose(whole, padded, rtol=1e-6)
    assert LOSSES[name](LOGITS, class_targets(jnp.array([-1, -1]), 3)) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_stay_finite_at_extreme_logits(name):
    targets = class_targets(jnp.array([0]), 2)
    gradient = jax.grad(LOSSES[name])(jnp.array([[-1e4, 1e4]]), targets)
    assert jnp.isfinite(gradient).all() and (gradient != 0).any()
