"""Files of torch.save without PyTorch: right ones to the bit, wrong ones refused."""

import pathlib
import zipfile

import ml_dtypes
import numpy as np
import pytest
from torch_pickle import archive, state_dict, tensor

from resnet_jax.pretrained import read_weights

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
BASE = np.arange(24, dtype=np.float32)
FLOATS = BASE[:6].tobytes()
# As tests/parity/torch_files.py made them.
EXPECTED = {
    "plain": BASE.reshape(4, 6),
    "view": BASE[3:9].reshape(2, 3),
    "transposed": BASE.reshape(4, 6).T,
    "every_second": BASE[1::2],
    "channels_last": BASE.reshape(2, 3, 2, 2),
    "parameter": np.float32([1.5, -2.5]),
    "scalar": np.float32(7),
    "empty": np.zeros((0, 3), np.float32),
    "half": np.float16([0, 0.25, 0.5, 0.75]),
    "bfloat16": np.array([0, 0.25, 0.5, 0.75], ml_dtypes.bfloat16),
    "float64": np.float64([0.1]),
    "int64": np.int64([-1, 2**40]),
    "int32": np.int32([0, 1, 2]),
    "int16": np.int16([0, 1, 2]),
    "int8": np.int8([-1, 0, 1]),
    "uint8": np.uint8([200]),
    "boolean": np.array([True, False]),
}


def read(tmp_path, data):
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return read_weights(path)


def refusal(tmp_path, data) -> str:
    with pytest.raises(ValueError) as caught:
        read(tmp_path, data)
    text = str(caught.value)
    assert "weights.pth' are refused" in text and "\n" not in text
    return text


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_all_that_pytorch_writes(layout):
    weights = read_weights(GOLDEN / f"torch_{layout}.pth")
    assert list(weights) == list(EXPECTED)
    for key, value in EXPECTED.items():
        assert weights[key].dtype == value.dtype, key
        assert np.array_equal(weights[key], value), key
        assert not (weights[key].size and weights[key].flags.writeable)


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_cut_off_anywhere(tmp_path, layout):
    whole = (GOLDEN / f"torch_{layout}.pth").read_bytes()
    for stop in range(0, len(whole), 61):
        refusal(tmp_path, whole[:stop])
    assert "cut off or damaged" in refusal(tmp_path, whole[: len(whole) - 4])


def test_big_endian(tmp_path):
    pickled = state_dict(w=tensor("0", 6, (6,), (1,)))
    numbers = BASE[:6].astype(">f4").tobytes()
    weights = read(tmp_path, archive(pickled, byteorder=b"big", _0=numbers))
    assert np.array_equal(weights["w"], BASE[:6])


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (tensor("0", 6, (1 << 40,), (0,)), "does not fit into its storage of 6"),
        (tensor("0", 6, (2, 6), (6, 1)), "shape [2, 6] does not fit"),
        (tensor("0", 6, (2,), (1,), offset=5), "shape [2] does not fit"),
        (tensor("0", 6, (2,), (-1,), offset=5), "make no sense"),
        (tensor("0", 6, (2.0,), (1,)), "make no sense"),
        (tensor("0", 6, (1,) * 40, (1,) * 40), "40 axes"),
        (tensor("0", 600, (600,), (1,)), "storage 0 has 24 of 2,400 bytes"),
        (tensor("0", -6, (1,), (1,)), "damaged (a storage's size makes no sense)"),
        (tensor("1", 6, (6,), (1,)), "lacks 'data/1'"),
        (tensor("0", 6, (6,), (1,), kind="Spam"), "asks for 'torch.Spam'"),
    ],
)
def test_tensors_that_cannot_be(tmp_path, made, sentence):
    text = refusal(tmp_path, archive(state_dict(w=made), _0=FLOATS))
    assert sentence in text


def test_bombs(tmp_path):
    pickled = state_dict(w=tensor("0", 6, (6,), (1,)))
    packed = archive(pickled, zipfile.ZIP_DEFLATED, _0=bytes(10**6))
    assert "compressed" in refusal(tmp_path, packed)
    stored = archive(pickled, _0=FLOATS)
    declared = (24).to_bytes(4, "little")
    assert stored.count(declared) > 2
    text = refusal(tmp_path, stored.replace(declared, b"\xff\xff\xff\x7f"))
    assert "declares more bytes" in text
    many = {f"w{i}": tensor("0", 6, (6,), (1,)) for i in range(300)}
    numbers = np.zeros(200_000, np.float32).tobytes()
    many = {k: v.replace(b"K\x06", b"J\x40\x0d\x03\x00") for k, v in many.items()}
    text = refusal(tmp_path, archive(state_dict(**many), _0=numbers))
    assert "share their numbers too often" in text


def test_other_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("readme.txt", "hello")
    text = refusal(tmp_path, (tmp_path / "other.zip").read_bytes())
    assert "not one of torch.save" in text
