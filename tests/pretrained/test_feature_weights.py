"""VGG and AlexNet in torchvision's layout: what a file holds, and where it lies."""

import numpy as np
import pytest
from pretrained_weights import drawn
from safetensors.numpy import save_file

from resnet_jax.models.vgg import ALEXNET, vgg
from resnet_jax.pretrained.feature_weights import (
    FILES,
    find_feature_weights,
    load_feature_weights,
)

WIDTHS = (2, 2, 3, 3, 4)
LAYERS = {
    "vgg16": vgg((2, 2, 3, 3, 3), WIDTHS),
    "vgg19": vgg((2, 2, 4, 4, 4), WIDTHS),
    "alexnet": tuple(
        (name, 3, *rest[1:]) if name.startswith("conv") else (name, *rest)
        for name, *rest in ALEXNET
    ),
}


def save(file, name):
    weights = drawn(f"{name}_features", layers=LAYERS[name])
    weights = {key: np.ascontiguousarray(value) for key, value in weights.items()}
    save_file({**weights, "classifier.0.weight": np.zeros((3, 2), np.float32)}, file)
    return weights


@pytest.mark.parametrize("name", FILES)
def test_a_file_tells_which_network_it_holds_and_how_wide_it_is(name, tmp_path):
    file = tmp_path / "weights.safetensors"
    weights = save(file, name)
    found = load_feature_weights(file)
    assert (found.name, found.published) == (name, False)
    assert found.model.layers == LAYERS[name]
    kernel = found.variables["params"]["features_0"]["kernel"]
    np.testing.assert_array_equal(
        kernel, weights["features.0.weight"].transpose(2, 3, 1, 0)
    )


def test_names_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    with pytest.raises(ValueError, match=r"vgg19 are not on .*/vgg19-dcbb9e9d.pth to"):
        load_feature_weights("vgg19")
    file = tmp_path / "torch" / "hub" / "checkpoints" / FILES["vgg19"]
    file.parent.mkdir(parents=True)
    save(file, "vgg19")
    assert find_feature_weights("vgg19") == file


def test_others_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no file of feature weights 'vgg18'; expect"):
        load_feature_weights("vgg18")
    file = tmp_path / "other.safetensors"
    save_file({"features.0.weight": np.zeros((2, 3, 3, 3), np.float32)}, file)
    with pytest.raises(ValueError, match="AlexNet of torchvision: 1 of its arrays are"):
        load_feature_weights(file)
