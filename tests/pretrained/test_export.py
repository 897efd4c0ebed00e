"""Exports come back as they went, and say what timm and transformers ask for."""

import json

import huggingface_hub
import jax
import numpy as np
import pytest
import safetensors
from pretrained_weights import drawn

from resnet_jax.pretrained import Preprocessing, from_pretrained, from_torch, to_torch
from resnet_jax.pretrained.description import Description
from resnet_jax.pretrained.export import export, in_timm, upload
from resnet_jax.pretrained.load import Pretrained

NAMES = ("cat", "dog", "owl")
GREY = Preprocessing.from_timm(
    {"input_size": [1, 64, 48], "crop_pct": 0.9, "mean": [0.4], "std": [0.25]}
)
RECORD = {
    "step": 40,
    "data": "digits (train)",
    "metrics": {"test/accuracy": 0.9, "test/loss": 0.3},
    "command": "resnet-jax train --config=x",
    "commit": {"hash": "0123456789abcdef", "dirty": False},
    "config": {"seed": 0},
}


def made(name="resnet18", channels=1, names=NAMES, preprocessing=GREY, **fields):
    fields = {"num_classes": len(names), **fields}
    model, variables = from_torch(name, drawn(name, channels, **fields), **fields)
    facts = {"resnet_jax": RECORD}
    description = Description(name, fields, preprocessing, names, 0, facts)
    return Pretrained(model, variables, description)


@pytest.fixture(scope="module")
def small():
    """A network that timm lacks."""
    size = {"stage_sizes": (1, 1), "width": 4}
    prepared = Preprocessing((8, 8, 1), None, crop_mode="none", mean=(0.3,), std=(1,))
    return made("resnet20", preprocessing=prepared, **size)


@pytest.fixture(scope="module")
def resnet18():
    """A network of timm's."""
    return made()


def read(folder):
    return json.loads((folder / "config.json").read_text())


def equal(a, b):
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def test_timm_folder(tmp_path, resnet18):
    export(resnet18, tmp_path / "net", timm=True)
    files = sorted(path.name for path in (tmp_path / "net").iterdir())
    assert files == ["README.md", "config.json", "model.safetensors"]
    config = read(tmp_path / "net")
    details = config.pop("pretrained_cfg")
    ours = config.pop("resnet_jax")
    assert config == {
        "architecture": "resnet18",
        "num_classes": 3,
        "num_features": 512,
        "global_pool": "avg",
        "label_names": list(NAMES),
        "model_args": {"in_chans": 1},
    }
    assert details == {
        "tag": "resnet_jax",
        "custom_load": False,
        "input_size": [1, 64, 48],
        "fixed_input_size": False,
        "interpolation": "bicubic",
        "crop_pct": 0.9,
        "crop_mode": "center",
        "mean": [0.4],
        "std": [0.25],
        "num_classes": 3,
        "pool_size": [2, 2],
        "first_conv": "conv1",
        "classifier": "fc",
        "license": "apache-2.0",
    }
    assert ours["step"] == 40 and ours["version"]
    model, variables, preprocessing = from_pretrained(tmp_path / "net")
    assert preprocessing == GREY and model.num_classes == 3
    assert equal(variables, resnet18.variables)


def test_tensors_are_pytorchs(tmp_path, resnet18):
    export(resnet18, tmp_path / "net", timm=True)
    with safetensors.safe_open(tmp_path / "net/model.safetensors", "numpy") as file:
        assert file.metadata() == {"format": "pt"}
        assert file.get_tensor("fc.weight").shape == (3, 512)
        assert file.get_tensor("conv1.weight").shape == (64, 1, 7, 7)
        assert file.get_tensor("bn1.num_batches_tracked").shape == ()
        keys = {k for k in file.keys() if "num_batches" not in k}  # noqa: SIM118
    assert keys == set(to_torch(resnet18.variables))


def test_three_channels_need_no_arguments(tmp_path, resnet18):
    names = tuple(map(str, range(3)))
    export(made("resnet18", 3, names, None), tmp_path / "net", timm=True)
    config = read(tmp_path / "net")
    assert "model_args" not in config
    assert "mean" not in config["pretrained_cfg"], "nothing is guessed"


def test_own_folder(tmp_path, small):
    export(small, tmp_path / "net")
    config = read(tmp_path / "net")
    assert config["library"] == "resnet-jax"
    assert config["model"] == {
        "name": "resnet20",
        "num_classes": 3,
        "stage_sizes": [1, 1],
        "width": 4,
    }
    assert not {"architecture", "pretrained_cfg", "model_type"} & config.keys()
    model, variables, preprocessing = from_pretrained(tmp_path / "net")
    assert model == small.model and equal(variables, small.variables)
    assert preprocessing == small.description.preprocessing


def test_what_timm_has(small, resnet18):
    assert in_timm(resnet18) and not in_timm(small)
    plain = {"num_classes": 3, "norm": {"name": "batch"}, "drop_path": 0.1}
    fields = [(plain, True), ({"width": 32}, False), ({"norm": "group"}, False)]
    for given, expected in fields:
        description = Description("resnet18", given)
        assert in_timm(Pretrained(None, {}, description)) == expected


@pytest.mark.parametrize("timm", [True, False])
def test_model_card(tmp_path, resnet18, timm):
    export(resnet18, tmp_path / "net", name="user/net", timm=timm)
    card = huggingface_hub.ModelCard.load(tmp_path / "net" / "README.md")
    assert card.data.license == "apache-2.0"
    library = card.data.to_dict()["library_name"]
    assert library == ("timm" if timm else "resnet-jax")
    assert card.data.pipeline_tag == "image-classification"
    assert ("transformers" in card.data.tags) == timm
    assert card.data.datasets == ["digits"] and card.data.model_name == "user/net"
    (result,) = card.data.eval_results
    assert (result.dataset_split, result.metric_value) == ("test", 0.9)
    assert (result.metric_type, result.metric_name) == ("accuracy", "test/accuracy")
    titles = [line for line in card.text.splitlines() if line.startswith("#")]
    assert titles == [
        "# Model card for user/net",
        *(f"## {title}" for title in ("Model Details", "Model Usage", "Training")),
        *(f"## {title}" for title in ("Results", "Limitations", "Citation")),
    ]
    assert str(GREY) in card.text and "at commit 0123456789ab, unchanged" in card.text
    assert ('timm.create_model("hf-hub:user/net"' in card.text) == timm


def test_full_and_impossible_folders(tmp_path, small):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is not empty; name a new one"):
        export(small, tmp_path)
    with pytest.raises(ValueError, match="cannot write to"):
        export(small, tmp_path / "file" / "net")


class FakeApi:
    """What upload calls of the hub."""

    log: list
    readme = False

    def __init__(self, **options):
        self.log.append(("api", options))

    def create_repo(self, repository, **options):
        if repository.startswith("other/"):
            raise PermissionError("403 Forbidden.\nmore")
        self.log.append(("create", repository, options))
        return huggingface_hub.RepoUrl(f"https://huggingface.co/{repository}")

    def file_exists(self, repository, name):
        return self.readme and name == "README.md"

    def upload_folder(self, **options):
        self.log.append(("upload", options))
        return "https://huggingface.co/user/net/commit/1"


@pytest.mark.parametrize("readme", [True, False])
def test_upload_is_one_commit_and_keeps_a_readme(tmp_path, monkeypatch, readme):
    monkeypatch.setattr(huggingface_hub, "HfApi", FakeApi)
    monkeypatch.setattr(FakeApi, "log", [], raising=False)
    monkeypatch.setattr(FakeApi, "readme", readme)
    address = upload(tmp_path, "user/net", private=True, create_pr=True)
    assert address == "https://huggingface.co/user/net/commit/1"
    (_, api), (_, name, made_with), (_, options) = FakeApi.log
    assert api["library_name"] == "resnet-jax" and name == "user/net"
    assert made_with == {"private": True, "exist_ok": True}
    assert options["repo_id"] == "user/net" and options["create_pr"] is True
    assert options["folder_path"] == tmp_path
    assert options["ignore_patterns"] == (["README.md"] if readme else None)
    with pytest.raises(ValueError, match=r"403 Forbidden\. Log in with `hf auth login"):
        upload(tmp_path, "other/net")
