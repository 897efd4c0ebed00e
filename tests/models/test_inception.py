"""Inception's shapes; its numbers are compared in parity/test_inception."""

import math

import jax
import jax.numpy as jnp
import pytest

from resnet_jax.models import create_model
from resnet_jax.models.inception import Inception


def shapes(model, side):
    image = jax.ShapeDtypeStruct((2, side, side, 3), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), image)
    apply = lambda v, x: model.apply(v, x, method="features")  # noqa: E731
    return variables, jax.eval_shape(apply, variables, image)


def test_parameters_and_maps():
    """Of torchvision's 21,785,568 without its heads and gammas' twins; a 1008 head."""
    variables, maps = shapes(create_model("inception_2015"), 299)
    count = sum(math.prod(p.shape) for p in jax.tree.leaves(variables["params"]))
    assert count == 21_785_568 + 2048 * 1008 + 1008
    assert [m.shape[1:] for m in maps] == [
        (147, 147, 64),
        (71, 71, 192),
        (35, 35, 288),
        (17, 17, 768),
        (8, 8, 2048),
    ]
    info = Inception.feature_info
    assert [m.shape[-1] for m in maps] == [stage["num_chs"] for stage in info]


def test_the_smallest_image():
    _, maps = shapes(Inception(), 75)
    assert maps[-1].shape == (2, 1, 1, 2048)
    with pytest.raises(ValueError, match="at least 75 x 75"):
        shapes(Inception(), 74)
