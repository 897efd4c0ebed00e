"""Where the heads of LPIPS are looked for, and that they are checked."""

import importlib.util
import types

import numpy as np
import pytest
from safetensors.numpy import save_file

from resnet_jax.pretrained.lpips import HEADS, find_lpips_heads, load_lpips_heads


def save_heads(file, network):
    arrays = {
        f"lin{i}.model.1.weight": np.full((1, c, 1, 1), i + 1, np.float32)
        for i, c in enumerate(HEADS[network].channels)
    }
    save_file(arrays, file)
    return arrays


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return tmp_path / "resnet_jax" / "weights"


@pytest.mark.parametrize("network", HEADS)
def test_they_are_read_layer_by_layer(network, tmp_path):
    file = tmp_path / "heads.safetensors"
    save_heads(file, network)
    heads, published = load_lpips_heads(network, file)
    assert [len(head) for head in heads] == list(HEADS[network].channels)
    assert [head[0] for head in heads] == [1, 2, 3, 4, 5]
    assert all(head.dtype == np.float32 for head in heads)
    assert not published


def test_where_they_are_looked_for(cache, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"alexnet are not on .*/v0.1/alex.pth to"):
        load_lpips_heads()
    cache.mkdir(parents=True)
    (cache / "lpips_vgg.pth").touch()
    assert find_lpips_heads("vgg16") == cache / "lpips_vgg.pth"
    installed = tmp_path / "lpips" / "weights" / "v0.1" / "vgg.pth"
    installed.parent.mkdir(parents=True)
    installed.touch()
    spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path / "lpips")])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    assert find_lpips_heads("vgg16") == installed


def test_others_are_refused(tmp_path):
    file = tmp_path / "heads.safetensors"
    save_heads(file, "vgg16")
    with pytest.raises(ValueError, match=r"no heads of LPIPS for alexnet: expected"):
        load_lpips_heads("alexnet", file)
    with pytest.raises(ValueError, match=r"no heads for 'alex'. Did you mean alexnet"):
        load_lpips_heads("alex", file)
    with pytest.raises(ValueError, match="cannot be read"):
        load_lpips_heads("vgg16", tmp_path / "none.pth")
