"""Networks inside of larger modules, as docs/backbone.md shows."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.models.resnet import ResNet
from resnet_jax.models.resnetv2 import ResNetV2
from resnet_jax.pretrained.torch_weights import shapes

SMALL = {"stage_sizes": (1, 1), "width": 4, "num_classes": 0, "stem": "cifar"}


class Detector(nn.Module):
    backbone: nn.Module

    @nn.compact
    def __call__(self, x, train=False):
        stages = self.backbone.features(x, train)
        return [nn.Dense(2)(stage) for stage in stages[1:]]


@pytest.mark.parametrize("network", [ResNet, ResNetV2])
def test_the_backbones_variables_are_its_own(network):
    backbone = network(**SMALL, frozen_stages=0)
    model = Detector(backbone)
    images = jax.ShapeDtypeStruct((2, 8, 8, 3), jnp.float32)
    outputs, variables = jax.eval_shape(
        model.init_with_output, jax.random.key(0), images
    )
    sizes = [8 // info["reduction"] for info in backbone.feature_info[1:]]
    assert [y.shape for y in outputs] == [(2, size, size, 2) for size in sizes]
    # The backbone's own norm behind the last stage is no part of its features.
    alone = shapes(backbone)
    for kind, inner in ((k, v["backbone"]) for k, v in variables.items()):
        outer = alone[kind]
        assert inner == {k: v for k, v in outer.items() if k != "norm"}


def test_features_inside_are_those_outside():
    backbone = ResNet(**SMALL)
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    inner = backbone.init(jax.random.key(0), x)
    dense = {"kernel": jnp.eye(16, 2), "bias": jnp.zeros(2)}
    small = {"kernel": jnp.eye(32, 2), "bias": jnp.zeros(2)}
    params = {"backbone": inner["params"], "Dense_0": dense, "Dense_1": small}
    variables = {"params": params, "batch_stats": {"backbone": inner["batch_stats"]}}
    stages = backbone.apply(inner, x, method="features")[1:]
    for got, want in zip(Detector(backbone).apply(variables, x), stages, strict=True):
        np.testing.assert_allclose(got, want[..., :2], rtol=1e-5)
