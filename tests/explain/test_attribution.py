import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.explain import integrated_gradients, smooth_grad, strength
from resnet_jax.models.resnet import ResNet


class Cubic(nn.Module):
    """logit 0 is the sum of x^3 and logit 1 a linear one."""

    @nn.compact
    def __call__(self, x):
        return jnp.stack([(x**3).sum((1, 2, 3)), 2 * x.sum((1, 2, 3))], -1)


IMAGES = jax.random.normal(jax.random.key(0), (2, 3, 4, 2))
FIRST, SECOND = jnp.zeros(2, int), jnp.ones(2, int)


def test_integrated_gradients_of_a_cubic():
    """From 0 to x each pixel adds x^3; from 1 to x it adds x^3 - 1."""
    for baseline in (0.0, 1.0):
        found = integrated_gradients(Cubic(), {}, IMAGES, FIRST, baseline=baseline)
        np.testing.assert_allclose(found, IMAGES**3 - baseline, rtol=2e-3, atol=2e-3)


def test_attributions_add_up_to_the_difference_of_logits():
    model = ResNet((1, 1), block="basic", width=4, stem="cifar", num_classes=5)
    images = jax.random.normal(jax.random.key(1), (2, 8, 8, 1))
    variables = jax.jit(model.init)(jax.random.key(0), images)
    label = jnp.array([4, 2])
    apply = jax.jit(model.apply)
    change = apply(variables, images) - apply(variables, jnp.full_like(images, 0.5))
    found = integrated_gradients(
        model, variables, images, label, baseline=jnp.float32(0.5), steps=100
    )
    known = change[jnp.arange(2), label]
    assert np.abs(known).max() > 0.05
    np.testing.assert_allclose(found.sum((1, 2, 3)), known, rtol=0.01, atol=0.003)


def test_smooth_grad_is_the_mean_gradient_of_noisy_images():
    exact = smooth_grad(Cubic(), {}, IMAGES, FIRST, noise=0.0, samples=2)
    np.testing.assert_allclose(exact, 3 * IMAGES**2, rtol=1e-5)
    # E 3 (x + n)^2 = 3 x^2 + 3 sd^2, where sd is a share of max - min.
    found = smooth_grad(Cubic(), {}, IMAGES, FIRST, noise=0.2, samples=300)
    axes = (1, 2, 3)
    deviation = 0.2 * (IMAGES.max(axes) - IMAGES.min(axes))
    np.testing.assert_allclose((found - exact).mean(axes), 3 * deviation**2, rtol=0.15)
    other = smooth_grad(Cubic(), {}, IMAGES, FIRST, key=jax.random.key(5), samples=2)
    assert not np.allclose(other, smooth_grad(Cubic(), {}, IMAGES, FIRST, samples=2))


def test_the_class_is_chosen_before_the_image_changes():
    label = Cubic().apply({}, IMAGES).argmax(-1)
    for explain in (integrated_gradients, smooth_grad):
        one = explain(Cubic(), {}, IMAGES)
        np.testing.assert_array_equal(one, explain(Cubic(), {}, IMAGES, label))
    linear = smooth_grad(Cubic(), {}, IMAGES, SECOND)
    np.testing.assert_allclose(linear, 2.0, rtol=1e-5)


def test_strength_has_no_sign_and_no_spikes():
    attributions = np.ones((1, 20, 20, 2), np.float32)
    attributions[0, 0, 0] = 1000
    attributions[0, 1, 1] = -3
    attributions[0, 2, 2] = (1, -1)
    heat = np.asarray(strength(attributions))
    assert heat.shape == (1, 20, 20) and heat[0, 2, 2] == 0
    assert 2 <= heat.max() <= 6


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match="steps is 0; expected 1"):
        integrated_gradients(Cubic(), {}, IMAGES, steps=0)
    with pytest.raises(ValueError, match="samples is 0 and noise is"):
        smooth_grad(Cubic(), {}, IMAGES, samples=0)
    with pytest.raises(ValueError, match="noise is -1"):
        smooth_grad(Cubic(), {}, IMAGES, noise=-1)
