"""Every named network has the parts, keys and sizes of the reference's."""

import json
import math
import pathlib

import pytest
from flax.traverse_util import flatten_dict
from parity.census import digest

from resnet_jax.models import MODELS, create_model, default_input
from resnet_jax.models.cifar_variants import CIFAR_RESNETS
from resnet_jax.models.resnet_variants import RESNETS
from resnet_jax.pretrained.torch_weights import shapes, torch_key

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
CENSUS = json.loads((GOLDEN / "census.json").read_text())
# arXiv:1603.05027, table 4 (1.7 M, 10.2 M); arXiv:1605.07146, tables 4 and 9.
CIFAR = {
    "preact_resnet164": 1_703_258,
    "preact_resnet1001": 10_327_706,
    "wrn16_8": 10_961_370,
    "wrn28_10": 36_479_194,
    "wrn40_4": 8_949_210,
}


def count(variables) -> int:
    """The number of trained values."""
    leaves = flatten_dict(variables["params"]).values()
    return sum(math.prod(leaf.shape) for leaf in leaves)


def torch_shapes(variables) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the state dict: kernels are [output, input, places ...]."""
    flat = {path: leaf.shape for path, leaf in flatten_dict(variables).items()}
    return {
        torch_key(path): (s[-1], s[-2], *s[:-2]) if path[-1] == "kernel" else s
        for path, s in flat.items()
    }


def test_all_networks_of_the_references_are_there():
    known = {name.removeprefix("torchvision/") for name in CENSUS}
    assert set(RESNETS) <= known
    assert {n for n in known if not n.startswith("resnetv2")} <= set(MODELS)


@pytest.mark.parametrize("name", [name for name in RESNETS if name in CENSUS])
def test_keys_shapes_and_parameters_are_the_references(name):
    variables, row = shapes(create_model(name)), CENSUS[name]
    assert count(variables) == row["parameters"]
    found = digest(torch_shapes(variables))
    assert found == row["digest"]
    assert found == CENSUS.get(f"torchvision/{name}", row)["digest"]


@pytest.mark.parametrize("name", RESNETS)
def test_images_and_stages_are_the_references(name):
    row, info = CENSUS[name], create_model(name).feature_info
    assert default_input(name) == (row["image"], row["image"], 3)
    assert [[i["num_chs"], i["reduction"]] for i in info] == row["stages"]


@pytest.mark.parametrize("name", CIFAR)
def test_published_sizes_on_cifar(name):
    assert name in CIFAR_RESNETS
    assert count(shapes(create_model(name))) == CIFAR[name]
