"""What the hub is asked for, what its cache gives offline, and what it lacks."""

import json
import pathlib
import sys
import types

import huggingface_hub
import pytest
import safetensors.numpy
from pretrained_weights import drawn

from resnet_jax import __version__
from resnet_jax.pretrained import from_pretrained
from resnet_jax.pretrained.hub import Access, fetch_repository

SMALL = {"stage_sizes": (1,), "width": 4}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write(folder: pathlib.Path, weights: str = "model.safetensors") -> None:
    folder.mkdir(parents=True)
    config = {"library": "resnet-jax", "model": {"name": "resnet20", **SMALL}}
    (folder / "config.json").write_text(json.dumps(config))
    tensors = safetensors.numpy.save(drawn("resnet20", **SMALL))
    (folder / weights).write_bytes(tensors)


def cache(folder: pathlib.Path, repository: str, weights="model.safetensors") -> None:
    """A repository in the layout of the hub's cache."""
    place = folder / f"models--{repository.replace('/', '--')}"
    write(place / "snapshots" / COMMIT, weights)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)


def response(status: int = 404):
    return types.SimpleNamespace(
        status_code=status,
        headers={},
        request=types.SimpleNamespace(url="", method="GET"),
    )


class FakeHub:
    """hf_hub_download and list_repo_files, of repositories in folders."""

    def __init__(self, root: pathlib.Path, monkeypatch):
        self.root, self.calls = root, []
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", self.download)
        monkeypatch.setattr(huggingface_hub, "list_repo_files", self.files)

    def download(self, repo_id, filename, **options):
        self.calls.append((repo_id, filename, options))
        if not (self.root / repo_id).exists():
            raise huggingface_hub.errors.RepositoryNotFoundError(
                "404\nmore", response=response()
            )
        if options["revision"] not in (None, "v1"):
            raise huggingface_hub.errors.RevisionNotFoundError(
                "404", response=response()
            )
        if not (path := self.root / repo_id / filename).exists():
            raise huggingface_hub.errors.RemoteEntryNotFoundError(
                "404", response=response()
            )
        return str(path)

    def files(self, repo_id, **options):
        return [path.name for path in (self.root / repo_id).iterdir()]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    return FakeHub(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "repository", "revision"),
    [
        ("resnet50.a1_in1k", "timm/resnet50.a1_in1k", None),
        ("resnet50", "timm/resnet50.a1_in1k", None),
        ("timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k", None),
        ("timm/resnet50.a1_in1k@v1", "timm/resnet50.a1_in1k", "v1"),
        ("hf-hub:user/net", "user/net", None),
        ("hf_hub:user/net@v1", "user/net", "v1"),
    ],
)
def test_names_become_repositories(hub, name, repository, revision):
    write(hub.root / repository)
    model, _, _ = from_pretrained(name, token="secret", cache_dir="here")
    assert model.stage_sizes == (1,)
    assert [call[:2] for call in hub.calls] == [
        (repository, "config.json"),
        (repository, "model.safetensors"),
    ]
    assert hub.calls[0][2] == {
        "revision": revision,
        "cache_dir": "here",
        "token": "secret",
        "local_files_only": False,
        "library_name": "resnet-jax",
        "library_version": __version__,
    }


def test_order_of_files(hub):
    write(hub.root / "a/b", "other.safetensors")
    _, path = fetch_repository("a/b", Access())
    assert path.name == "other.safetensors"
    asked = [file for _, file, _ in hub.calls]
    assert asked == [
        *("config.json", "model.safetensors", "pytorch_model.bin", "other.safetensors")
    ]
    (hub.root / "a/b/third.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=r"several: other\.s.*, third\.safetensors"):
        fetch_repository("a/b", Access())
    (hub.root / "a/b/pytorch_model.bin").write_bytes(b"")
    assert fetch_repository("a/b", Access())[1].name == "pytorch_model.bin"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("hf-hub:no/net", r"no repository 'no/net' on the hub, or it is private"),
        ("hf-hub:a/b@v2", r"'a/b' has no revision 'v2'"),
        ("resnet50.a9_in1k", r"'timm/resnet50\.a9_in1k'.*Closest: "),
        ("hf-hub:a/empty", r"'a/empty' has no config\.json"),
    ],
)
def test_what_the_hub_does_not_have(hub, name, sentence):
    write(hub.root / "a/b")
    (hub.root / "a/empty").mkdir()
    with pytest.raises(ValueError, match=sentence) as caught:
        from_pretrained(name)
    assert "\n" not in str(caught.value)


def test_no_answer(hub, monkeypatch):
    def offline(*_, **__):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    with pytest.raises(ValueError, match=r"cannot be downloaded: no route$"):
        from_pretrained("hf-hub:a/b")


@pytest.mark.parametrize("weights", ["model.safetensors", "other.safetensors"])
def test_the_cache_serves_without_network(tmp_path, weights):
    cache(tmp_path, "timm/resnet50.a1_in1k", weights)
    options = {"cache_dir": tmp_path, "local_files_only": True}
    model, _, _ = from_pretrained("resnet50.a1_in1k", **options)
    assert model.stage_sizes == (1,)
    model, _, _ = from_pretrained(f"resnet50.a1_in1k@{COMMIT}", **options)
    assert model.stage_sizes == (1,)
    with pytest.raises(ValueError, match="is not in the local cache, and the hub was"):
        from_pretrained("resnet50.a2_in1k", **options)


def test_offline_mode_is_honored(tmp_path, monkeypatch):
    """HF_HUB_OFFLINE=1, which the library reads when it is imported."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    cache(tmp_path, "timm/resnet50.a1_in1k")
    from_pretrained("resnet50", cache_dir=tmp_path)
    with pytest.raises(ValueError, match="is not in the local cache"):
        from_pretrained("resnet50.a2_in1k", cache_dir=tmp_path)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"needs `pip install 'resnet-jax\[hub\]'`"):
        from_pretrained("resnet50.a1_in1k")
