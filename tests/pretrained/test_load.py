"""Names, files, folders and runs become networks with weights, or one sentence."""

import json
import logging

import jax
import numpy as np
import pytest
import safetensors.numpy
from pretrained_weights import drawn
from torch_pickle import archive

import resnet_jax
from resnet_jax.pretrained import from_pretrained, to_torch
from resnet_jax.pretrained.hub import Access
from resnet_jax.pretrained.load import find, known_names
from resnet_jax.pretrained.timm_tags import TAGS

SMALL = {"stage_sizes": (1, 1), "width": 4}
CONFIG = {"library": "resnet-jax", "model": {"name": "resnet20", **SMALL}}


def save(folder, weights, name="model.safetensors", config=None):
    folder.mkdir(exist_ok=True)
    arrays = {key: np.ascontiguousarray(value) for key, value in weights.items()}
    (folder / name).write_bytes(safetensors.numpy.save(arrays))
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def weights():
    """The state dict of a network of two small stages."""
    return drawn("resnet20", **SMALL)


@pytest.fixture
def folder(tmp_path, weights):
    return save(tmp_path / "export", weights, config=CONFIG)


def same(variables, weights):
    back = to_torch(variables)
    return back.keys() == weights.keys() and all(
        np.array_equal(back[key], value) for key, value in weights.items()
    )


@pytest.mark.parametrize("form", ["{}", "local-dir:{}", "{}/model.safetensors"])
def test_folders_and_files(folder, weights, form):
    model, variables, preprocessing = from_pretrained(form.format(folder))
    assert model.stage_sizes == (1, 1) and model.num_classes == 10
    assert preprocessing is None
    assert same(variables, weights)
    assert {x.dtype for x in jax.tree.leaves(variables)} == {np.dtype("float32")}


def test_the_public_name_is_loaded_when_asked_for(folder, weights):
    assert same(resnet_jax.from_pretrained(folder)[1], weights)
    with pytest.raises(AttributeError, match="no attribute 'from_pretraind'"):
        resnet_jax.from_pretraind  # noqa: B018


def test_other_floats_become_float32(tmp_path, weights):
    wide = {key: value.astype(np.float64) for key, value in weights.items()}
    save(tmp_path / "wide", wide, config=CONFIG)
    assert same(from_pretrained(tmp_path / "wide")[1], weights)


def test_order_of_files(tmp_path, weights):
    changed = {key: value + 1 for key, value in weights.items()}
    folder = save(tmp_path / "two", changed, "a.safetensors", CONFIG)
    assert same(from_pretrained(folder)[1], changed)
    save(folder, weights)
    assert same(from_pretrained(folder)[1], weights)
    (folder / "model.safetensors").rename(folder / "b.safetensors")
    with pytest.raises(ValueError, match=r"several weights, a.* b.*: name one"):
        from_pretrained(folder)


def test_timm_configs_nested_and_flat(tmp_path):
    weights = drawn("resnet18", num_classes=3, channels=1)
    details = {
        "input_size": [1, 64, 48],
        "crop_pct": 0.9,
        "mean": [0.5],
        "std": [0.25],
        "interpolation": "bilinear",
        "num_classes": 3,
        "first_conv": "conv1",
        "classifier": "fc",
    }
    nested = {
        "architecture": "resnet18",
        "num_classes": 3,
        "label_names": ["a", "b", "c"],
        "model_args": {"in_chans": 1, "num_classes": 3, "drop_path_rate": 0.1},
        "pretrained_cfg": details,
    }
    flat = {"architecture": "resnet18", "labels": ["a", "b", "c"], **details}
    nested["model_args"].pop("drop_path_rate")
    for config in (nested, flat):
        folder = save(tmp_path / "timm", weights, config=config)
        model, variables, preprocessing = from_pretrained(folder)
        description, _ = find(str(folder), Access())
        assert description.class_names == ("a", "b", "c")
        assert model.num_classes == 3 and same(variables, weights)
        assert preprocessing.input_size == (64, 48, 1)
        assert preprocessing.resize == (71, 53)
        assert (preprocessing.mean, preprocessing.interpolation) == ((0.5,), "bilinear")


def test_a_new_head_is_said_in_one_line(folder, weights, caplog):
    with caplog.at_level(logging.WARNING, "resnet_jax"):
        model, variables, _ = from_pretrained(folder, num_classes=3)
    (record,) = caplog.records
    assert record.getMessage().endswith(
        "its head of 10 classes is replaced by a new one of 3, not trained"
    )
    back = to_torch(variables)
    assert model.num_classes == 3 and back["fc.weight"].shape == (3, 8)
    assert 0 < np.abs(back["fc.weight"]).max() < 10
    body = {key: v for key, v in back.items() if not key.startswith("fc.")}
    assert all(np.array_equal(value, weights[key]) for key, value in body.items())
    again = from_pretrained(folder, num_classes=3)[1]
    assert jax.tree.all(jax.tree.map(np.array_equal, again, variables))
    caplog.clear()
    from_pretrained(folder, num_classes=10)
    assert not caplog.records


def test_no_head(folder, tmp_path, weights):
    model, variables, _ = from_pretrained(folder, num_classes=0)
    assert model.num_classes == 0 and "fc" not in variables["params"]
    body = {key: v for key, v in weights.items() if not key.startswith("fc.")}
    headless = save(tmp_path / "headless", body, config=CONFIG)
    model, variables, _ = from_pretrained(headless)
    assert model.num_classes == 0 and same(variables, body)


def test_other_channels_as_in_timm(folder, weights):
    kernel = weights["conv1.weight"]
    model, variables, _ = from_pretrained(folder, in_channels=1)
    one = to_torch(variables)["conv1.weight"]
    assert np.array_equal(one, kernel.sum(1, keepdims=True))
    five = to_torch(from_pretrained(folder, in_channels=5)[1])["conv1.weight"]
    turns = np.concatenate([kernel, kernel[:, :2]], axis=1)
    assert np.allclose(five, turns * 3 / 5, rtol=1e-6)
    grey = jax.random.uniform(jax.random.key(0), (2, 8, 8, 1))
    apply = jax.jit(model.apply)
    color = apply(from_pretrained(folder)[1], np.repeat(grey, 3, -1))
    assert np.allclose(apply(variables, grey), color, atol=1e-4)


@pytest.mark.parametrize("field", ["num_classes", "in_channels"])
def test_impossible_adaptations(folder, field):
    with pytest.raises(ValueError, match=f"{field} is -1; expected"):
        from_pretrained(folder, **{field: -1})


def test_wrong_weights_are_named(tmp_path, weights):
    extra = {**weights, "head.scale": np.ones(3, np.float32)}
    folder = save(tmp_path / "extra", extra, config=CONFIG)
    with pytest.raises(ValueError, match=r"extra'.*have head\.scale, which it does n"):
        from_pretrained(folder)
    other = {"library": "resnet-jax", "model": {"name": "resnet18"}}
    folder = save(tmp_path / "other", weights, config=other)
    with pytest.raises(ValueError, match=r"not those of 'resnet18': they lack .* and "):
        from_pretrained(folder)
    short = {key: value for key, value in weights.items() if key != "bn1.bias"}
    folder = save(tmp_path / "short", short, config=CONFIG)
    with pytest.raises(ValueError, match=r"they lack bn1\.bias\."):
        from_pretrained(folder)


def test_hostile_weights_run_nothing(tmp_path):
    victim = tmp_path / "victim"
    pickled = f"\x80\x02cposix\nsystem\nX\x80\0\0\0{f'touch {victim}':128}\x85R."
    path = tmp_path / "resnet50-hostile.pth"
    path.write_bytes(archive(pickled.encode("latin-1")))
    with pytest.raises(ValueError) as caught:
        from_pretrained(path)
    assert not victim.exists()
    text = str(caught.value)
    assert "'posix.system'" in text and "could run code" in text and "\n" not in text


def test_a_file_alone_is_known_by_its_name(tmp_path, weights):
    full = drawn("resnet20")
    save(tmp_path, full, "resnet20_mine.safetensors")
    (tmp_path / "config.json").write_text('{"batch_size": 3}')
    path = tmp_path / "resnet20_mine.safetensors"
    _, variables, preprocessing = from_pretrained(path)
    assert same(variables, full) and preprocessing is None
    save(tmp_path, weights, "unknown.safetensors")
    with pytest.raises(ValueError, match="does not say which network it holds"):
        from_pretrained(tmp_path / "unknown.safetensors")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"model_type": "resnet"}, "of transformers' own 'resnet'"),
        ({"library": "timm"}, "names no architecture"),
        ({"architecture": "resnet18", "crop_pct": "x"}, "does not fit"),
        (
            {"architecture": "resnet18", "pretrained_cfg": {}, "model_args": {"x": 1}},
            "model_args has x, which is not supported",
        ),
        ({"architecture": "resnet5O"}, "unknown model 'resnet5O'"),
    ],
)
def test_configs_that_do_not_fit(tmp_path, weights, config, sentence):
    folder = save(tmp_path / "bad", weights, config=config)
    with pytest.raises(ValueError, match=sentence):
        from_pretrained(folder)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("resnet5O", r"'resnet5O'\. Closest: resnet50, \w+, \w+\."),
        ("resnet5O.a1_in1k", r"Closest: resnet50\.a1_in1k, "),
        ("timm/resnet5O", r"'timm/resnet5O'\. Closest: resnet50"),
        ("torchvision/resnet5", r"Closest: torchvision/resnet50\.IMAGENET1K_V2, "),
        ("torchvision/resnet50.V2", r"Closest: torchvision/resnet50\.IMAGENET1K_V"),
        ("no/such", r"no file or folder 'no/such'; for the hub, write 'hf-hub:no/such"),
        ("no.pth", r"no file or folder 'no\.pth'\."),
        ("local-dir:no", r"no folder 'no'"),
        ("./resnet50", r"no file or folder './resnet50'"),
    ],
)
def test_unknown_names(tmp_path, monkeypatch, name, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        from_pretrained(name, local_files_only=True, cache_dir=tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(ValueError, match=r"has no weights; expected model\.safetensor"):
        from_pretrained(tmp_path)


def test_known_names():
    names = known_names()
    assert TAGS["resnet50"][0] == "a1_in1k" and "resnet50.a1_in1k" in names
    assert "torchvision/wide_resnet101_2.IMAGENET1K_V2" in names
    assert len(names) == len(set(names)) == 174 + 17
