"""A loss in the features of a network that stays as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.models import create_model
from resnet_jax.models.vgg import vgg
from resnet_jax.tasks.perceptual import Perceptual, imagenet_units, perceptual_loss

LAYERS = ("conv1_1", "relu1_1")


def network():
    """One convolution, whose only weight looks at the middle pixel's red, times 2."""
    model = create_model("vgg16_features", layers=vgg((1,), (1,)), taps=("conv1_1",))
    kernel = jnp.zeros((3, 3, 3, 1)).at[1, 1, 0, 0].set(2.0)
    layer = {"kernel": kernel, "bias": jnp.full((1,), -1.0)}
    return model, {"params": {"features_0": layer}}


MODEL, VARIABLES = network()


def make(layers=LAYERS, weights=(1.0, 10.0), **fields):
    return Perceptual("a", layers, weights, network=MODEL, **fields)


def gray(*values):
    """Images of one channel, in [0, 1]."""
    return jnp.float32(values).reshape(1, 1, -1, 1)


def red(value):
    """What the convolution makes of a red, by hand."""
    return 2 * (value - 0.485) / 0.229 - 1


def test_by_hand_before_and_behind_the_activation():
    """One feature is below zero in the image and above it in the target."""
    a, b = red(np.array([0.2, 0.9])), red(np.array([0.7, 0.8]))
    assert a[0] < 0 < b[0]
    before, behind = abs(a - b).mean(), abs(np.maximum(a, 0) - np.maximum(b, 0)).mean()
    images = gray(0.2, 0.9), gray(0.7, 0.8)
    found = jax.jit(make().loss)(VARIABLES, *images)
    np.testing.assert_allclose(found, before + 10 * behind, rtol=1e-5)
    squares = make(LAYERS[:1], (0.5,), distance="l2").loss(VARIABLES, *images)
    np.testing.assert_allclose(squares, 0.5 * ((a - b) ** 2).mean(), rtol=1e-5)
    # Of one channel and two places the Gram matrix is the mean square.
    styled = make(LAYERS[:1], (0.5,), style=3.0).loss(VARIABLES, *images)
    gram = ((a**2).mean() - (b**2).mean()) ** 2
    np.testing.assert_allclose(styled, 0.5 * (before + 3 * gram), rtol=1e-5)


def test_the_target_stands_still():
    slopes = jax.grad(make().loss, (1, 2))(VARIABLES, gray(0.9, 0.9), gray(0.7, 0.8))
    assert (slopes[0] != 0).all() and (slopes[1] == 0).all()


def test_gray_and_color_are_the_same_to_it():
    one = gray(0.25, 0.5)
    np.testing.assert_array_equal(
        imagenet_units(one), imagenet_units(one.repeat(3, -1))
    )


def section(**fields):
    return {"source": "vgg19", **fields}


@pytest.mark.parametrize(
    ("fields", "channels", "message"),
    [
        ({"layers": ("conv1_1",), "weights": ()}, 3, "layers, and a weight for each"),
        ({"weights": (-1.0,)}, 3, "expected 0 or more"),
        ({"distance": "l3"}, 3, r"distance is 'l3'\. Known: charbonnier"),
        ({"layers": ("conv9_1",), "network": MODEL}, 3, "unknown layer 'conv9_1'"),
        ({"layer": "conv5_4"}, 3, "no 'layer'"),
        ({}, 2, r"targets have 2; remove config\.perceptual"),
    ],
)
def test_mistakes(fields, channels, message):
    with pytest.raises(ValueError, match=message):
        perceptual_loss(section(**fields), channels)


def test_without_its_network_nothing_is_trained():
    assert perceptual_loss(None, 3) is None
    with pytest.raises(ValueError, match="network of perceptual 'vgg19' is not loaded"):
        perceptual_loss(section(), 3).loss(VARIABLES, gray(0.1), gray(0.2))
