"""Where the weights of Inception are looked for, and that they are checked."""

import pathlib

import numpy as np
import pytest
from safetensors.numpy import save_file

from resnet_jax.pretrained import inception
from resnet_jax.pretrained.inception import NAMES, find_inception, load_inception

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "inception_2015.npz"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for name in (inception.VARIABLE, "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_where_it_is_looked_for(cache, monkeypatch):
    with pytest.raises(
        ValueError, match=r"not on this machine: download https.*path in"
    ):
        find_inception()
    ours, hub = cache / "resnet_jax" / "weights", cache / "torch/hub/checkpoints"
    elsewhere = cache / "elsewhere" / "hub" / "checkpoints"
    for folder, name in ((ours, NAMES[0]), (hub, NAMES[1]), (elsewhere, NAMES[0])):
        folder.mkdir(parents=True)
        (folder / name).touch()
        if folder == elsewhere:
            monkeypatch.setenv("TORCH_HOME", str(cache / "elsewhere"))
        assert find_inception() == folder / name
    monkeypatch.setenv(inception.VARIABLE, "given.pth")
    assert find_inception() == pathlib.Path("given.pth")
    with pytest.raises(ValueError, match=r"no file of Inception weights 'given.pth'"):
        load_inception()


def test_a_damaged_file_is_refused(cache):
    file = cache / NAMES[0]
    file.write_bytes(b"cut off")
    with pytest.raises(ValueError, match=r"is damaged: its sha256 is not 6726825d"):
        load_inception(file)


def test_other_weights_are_taken_but_are_not_the_published(cache):
    with np.load(GOLDEN) as found:
        shapes = {
            str(key): tuple(map(int, filter(None, text.split(","))))
            for key, text in zip(found["keys"], found["shapes"].tolist(), strict=True)
            if "num_batches" not in str(key)
        }
    small = np.float32(0)
    arrays = {key: np.broadcast_to(small, shape) for key, shape in shapes.items()}
    arrays["fc.bias"] = np.arange(1008, dtype=np.float32)
    file = cache / "mine.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, file)
    model, variables, published = load_inception(file)
    assert not published and model.num_classes == 1008
    np.testing.assert_array_equal(variables["params"]["fc"]["bias"], np.arange(1008))
    assert "branch7x7dbl_5" in variables["params"]["Mixed_6c"]
