"""The state dict of a file is found, named as timm's, or the file refused."""

import json

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from torch_pickle import archive, plain, state_dict, tensor

from resnet_jax.pretrained import read_weights

NUMBERS = np.arange(6, dtype=np.float32)
ONE = tensor("0", 6, (6,), (1,))


def write(tmp_path, data, name="weights.pth"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def torch_file(tmp_path, **items: bytes):
    data = archive(state_dict(**items), _0=NUMBERS.tobytes())
    return write(tmp_path, data)


def nested(**items: bytes) -> bytes:
    return state_dict(**items)[2:-1]


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ({"a": ONE, "epoch": plain(3)}, {"a"}),
        ({"state_dict": nested(a=ONE), "best": ONE}, {"a"}),
        ({"model": nested(a=ONE), "optimizer": nested(b=ONE)}, {"a"}),
        ({"model": nested(a=ONE), "model_ema": nested(b=ONE)}, {"b"}),
        ({"params": nested(a=ONE), "params_ema": nested(b=ONE)}, {"b"}),
        ({"params": nested(a=ONE)}, {"a"}),
        ({"model": nested(state_dict=nested(a=ONE))}, {"a"}),
        ({"module.a": ONE, "module.b.c": ONE}, {"a", "b.c"}),
        ({"module.a": ONE, "b": ONE}, {"module.a", "b"}),
        ({"_orig_mod.module.a": ONE}, {"a"}),
        ({"model_ema": nested(**{"module.a": ONE, "n_averaged": ONE})}, {"a"}),
        (
            {"linear.weight": ONE, "layer2.0.shortcut.0.weight": ONE},
            {"fc.weight", "layer2.0.downsample.0.weight"},
        ),
    ],
)
def test_the_state_dict_is_found(tmp_path, items, found):
    weights = read_weights(torch_file(tmp_path, **items))
    assert set(weights) == found
    assert all(np.array_equal(value, NUMBERS) for value in weights.values())


def test_safetensors_of_every_type(tmp_path):
    types = ("float64", "float32", "float16", "int64", "int32", "int8", "uint8", "bool")
    tensors = {name: np.ones((2, 3), name) for name in types}
    data = safetensors.numpy.save(tensors)
    weights = read_weights(write(tmp_path, data, "model.safetensors"))
    for name, value in tensors.items():
        assert weights[name].dtype == value.dtype and (weights[name] == value).all()
    half = np.array([0.5, 2], ml_dtypes.bfloat16)
    entry = {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}
    header = json.dumps({"x": entry}).encode()
    data = len(header).to_bytes(8, "little") + header + half.tobytes()
    (read,) = read_weights(write(tmp_path, data, "model.safetensors")).values()
    assert read.dtype == half.dtype and (read == half).all()


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.pth", b"", "the file is empty"),
        ("a.bin", b"<html>404</html>", "neither safetensors nor a file of torch.save"),
        (
            "a.pth",
            b"version https://git-lfs.github.com/spec/v1\n",
            "pointer of Git LFS",
        ),
        ("a.safetensors", b"", "cut off or damaged (header too small)"),
        ("a.safetensors", b"\xff" * 64, "cut off or damaged (header too large)"),
        ("a.safetensors", b"<html>404 not found</html>", "cut off or damaged"),
        ("a.pth", archive(b"\x80\x02]K\x01a."), "holds no state dict"),
        ("a.pth", archive(state_dict(epoch=plain(3))), "no state dict: it has epoch"),
    ],
)
def test_refused_with_a_sentence(tmp_path, name, data, sentence):
    with pytest.raises(ValueError) as caught:
        read_weights(write(tmp_path, data, name))
    text = str(caught.value)
    assert sentence in text and text.startswith("weights '") and text.endswith(".")
    assert "\n" not in text


def test_truncated_safetensors(tmp_path):
    whole = safetensors.numpy.save({"a": NUMBERS, "b": NUMBERS})
    for stop in (4, 40, len(whole) - 1):
        path = write(tmp_path, whole[:stop], "model.safetensors")
        with pytest.raises(ValueError, match="safetensors are cut off or damaged"):
            read_weights(path)


def test_no_such_file(tmp_path):
    with pytest.raises(ValueError, match=r"cannot be read: No such file"):
        read_weights(tmp_path / "no.pth")
