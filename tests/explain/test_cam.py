"""Class activation maps of networks small enough to know the answer."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.explain import grad_cam, grad_cam_plus_plus
from resnet_jax.explain.stage import stage_gradient
from resnet_jax.models.resnet import ResNet

WEIGHTS = jnp.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]])


class Linear(nn.Module):
    """Two stages, the image and its double, and a linear head of their mean."""

    def features(self, x):
        return [x, 2 * x]

    def head(self, x):
        return x.mean((1, 2)) @ WEIGHTS

    def __call__(self, x):
        return self.head(self.features(x)[-1])


class Squares(Linear):
    """A head that is not linear: the gradient differs from place to place."""

    def head(self, x):
        return jnp.square(x).sum((1, 2)) @ WEIGHTS


IMAGES = jax.random.uniform(jax.random.key(1), (2, 4, 5, 3))


@pytest.mark.parametrize("stage", [0, 1, -1])
@pytest.mark.parametrize("label", [0, 1])
def test_grad_cam_of_a_linear_network(stage, label):
    """With a global average and a linear head it is CAM (the paper's section 3.1)."""
    heat = grad_cam(Linear(), {}, IMAGES, jnp.full(2, label), stage=stage)
    # y = mean(2 x) w: d y / d(2 x) is w / places, and 2 x is twice x.
    known = nn.relu(2 * IMAGES @ WEIGHTS[:, label]) / 20
    np.testing.assert_allclose(heat, known, rtol=1e-5, atol=1e-7)


def test_the_most_probable_class_is_explained_by_default():
    label = Linear().apply({}, IMAGES).argmax(-1)
    one = grad_cam(Linear(), {}, IMAGES)
    np.testing.assert_array_equal(one, grad_cam(Linear(), {}, IMAGES, label))
    assert not np.allclose(one, grad_cam(Linear(), {}, IMAGES, 1 - label))


def test_grad_cam_plus_plus_is_the_papers_formula():
    """Written out with the second and third powers, place by place."""
    heat = grad_cam_plus_plus(Squares(), {}, IMAGES, jnp.zeros(2, int))
    maps = 2 * np.asarray(IMAGES, np.float64)
    for image, found in zip(maps, heat, strict=True):
        known = np.zeros(image.shape[:2])
        for k in range(3):
            g = 2 * image[..., k] * float(WEIGHTS[k, 0])
            alpha = g**2 / (2 * g**2 + image[..., k].sum() * g**3)
            known += (alpha * np.maximum(g, 0)).sum() * image[..., k]
        np.testing.assert_allclose(found, np.maximum(known, 0), rtol=1e-5)


@pytest.fixture(scope="module")
def network():
    model = ResNet((1, 1, 1), block="basic", width=4, stem="cifar", num_classes=5)
    images = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
    return model, jax.jit(model.init)(jax.random.key(0), images), images


@pytest.mark.parametrize("stage", range(4))
def test_the_gradient_at_a_stage_is_that_of_the_rest_of_the_network(network, stage):
    """Against a network whose stages from there on are called by hand."""
    model, variables, images = network
    label = jnp.array([3, 1])

    def rest(x):
        def run(module, x):
            for i in range(stage, 3):
                for block in getattr(module, f"layer{i + 1}"):
                    x = block(x, False)
            return module.head(x)

        logits = model.apply(variables, x, method=run)
        return logits[0, 3] + logits[1, 1]

    maps, gradient = stage_gradient(model, variables, images, label, stage=stage)
    expected = model.apply(variables, images, method="features")[stage]
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    known = jax.jit(jax.grad(rest))(expected)
    assert np.abs(known).max() > 1e-3
    np.testing.assert_allclose(gradient, known, atol=1e-5)
    assert (
        grad_cam(model, variables, images, label, stage=stage).shape == maps.shape[:3]
    )
