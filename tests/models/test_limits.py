"""What several networks can be set to."""

import fnmatch

import pytest

from resnet_jax.models.resnet import ResNet
from resnet_jax.models.resnetv2 import ResNetV2
from resnet_jax.pretrained.torch_weights import shapes

SIZE = {"stage_sizes": (1, 1), "width": 8}
NETWORKS = {
    "post": ResNet(**SIZE, frozen_stages=1),
    "pre": ResNet(**SIZE, block="preact_bottleneck", frozen_stages=1),
    "deep": ResNet(**SIZE, stem="deep", stem_pool="conv", frozen_stages=1),
    "v2": ResNetV2(**SIZE, frozen_stages=1),
}
MOVES = ("layer2", "stages_1", "fc", "bn_last", "norm", "head")


@pytest.mark.parametrize("network", NETWORKS)
def test_the_frozen_modules_are_all_before_the_first_that_moves(network):
    model = NETWORKS[network]
    patterns = model.frozen_modules
    names = shapes(model)["params"]
    for pattern in patterns:
        assert fnmatch.filter(names, pattern), pattern
    for name in names:
        held = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        assert held == (not name.startswith(MOVES)), name


def test_nothing_is_frozen_unless_asked_for():
    assert ResNet(**SIZE).frozen_modules == () == ResNetV2(**SIZE).frozen_modules
