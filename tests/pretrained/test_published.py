"""Published files are known by name and hash, and downloaded once."""

import hashlib
import io
import pathlib
import urllib.error
import urllib.request

import pytest

from resnet_jax.models import MODELS
from resnet_jax.pretrained import published
from resnet_jax.pretrained.published import (
    AKAMASTER,
    FILES,
    TORCHVISION,
    download_torchvision,
    recognize,
)

CONTENT = b"weights"
DIGITS = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def offered(monkeypatch):
    """A download that gives CONTENT, and what it was asked for."""
    asked = []

    def fetch(url, path):
        asked.append(url)
        pathlib.Path(path).write_bytes(CONTENT)

    monkeypatch.setattr(urllib.request, "urlretrieve", fetch)
    monkeypatch.setitem(TORCHVISION, "resnet18", {"IMAGENET1K_V1": (DIGITS, 256)})
    return asked


def test_downloaded_once_and_checked(tmp_path, offered):
    path = download_torchvision("resnet18", "IMAGENET1K_V1", tmp_path / "cache")
    assert path == tmp_path / "cache" / f"resnet18-{DIGITS}.pth"
    assert path.read_bytes() == CONTENT
    assert offered == [f"https://download.pytorch.org/models/resnet18-{DIGITS}.pth"]
    download_torchvision("resnet18", "IMAGENET1K_V1", tmp_path / "cache")
    assert len(offered) == 1


def test_another_hash_is_refused(tmp_path, offered):
    with pytest.raises(ValueError, match="arrived with another sha256"):
        download_torchvision("resnet34", "IMAGENET1K_V1", tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_network(tmp_path, monkeypatch):
    def fail(*_):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlretrieve", fail)
    with pytest.raises(ValueError, match=r"cannot be downloaded from https.*put that"):
        download_torchvision("resnet34", "IMAGENET1K_V1", tmp_path)
    with pytest.raises(ValueError, match="no download is allowed"):
        download_torchvision("resnet34", "IMAGENET1K_V1", tmp_path, True)


def test_the_usual_cache(tmp_path, offered, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = download_torchvision("resnet18", "IMAGENET1K_V1")
    assert path.parent == tmp_path / "resnet_jax" / "weights"


def test_files_are_known_by_name_and_hash(tmp_path, monkeypatch):
    name = f"resnet18-{DIGITS}.pth"
    monkeypatch.setitem(FILES, name, FILES["resnet18-f37072fd.pth"])
    (tmp_path / name).write_bytes(CONTENT)
    assert recognize(tmp_path / name) is published.FILES[name]
    (tmp_path / name).write_bytes(CONTENT + b"changed")
    assert recognize(tmp_path / name) is None
    (tmp_path / "resnet18.pth").write_bytes(CONTENT)
    assert recognize(tmp_path / "resnet18.pth") is None


def test_presets_and_networks():
    assert FILES["resnet50-11ad3fa6.pth"].preprocessing.resize == 232
    assert FILES["resnet50-0676ba61.pth"].preprocessing.resize == 256
    assert FILES["resnet20-12fca82f.th"].preprocessing.input_size == (32, 32, 3)
    known = {"resnet18", "resnet50", *AKAMASTER}
    assert known <= set(MODELS)
    assert len(TORCHVISION) == 10
    assert io.StringIO(published.URL).read().startswith("https://")
