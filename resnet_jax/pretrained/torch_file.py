"""Files of `torch.save`, read without PyTorch: tensors and plain values only.

Both layouts are read, the zip archive of PyTorch 1.6 and the older sequence of
pickles. Tensors stay records until `array` reads them.
"""

import dataclasses
import functools
import io
import math
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from resnet_jax.pretrained.unpickle import unpickle

MAX_AXES = 32
ZIP_START = b"PK\x03\x04"
LEGACY_START = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
DTYPES: dict[str, Any] = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


@dataclasses.dataclass(frozen=True)
class Storage:
    """Numbers in a file: `size` of them, from `start` on of what `key` names."""

    key: str
    dtype: np.dtype
    size: int
    start: int = 0


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage, in numbers of elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


Read = Callable[[Storage], np.ndarray]


def read_torch_file(data: bytes) -> tuple[Any, Read]:
    """The object that was saved, with Tensors in it, and what reads their storages.

    Args:
        data: the whole file.

    Raises:
        ValueError: the file is damaged, or asks for more than data.
    """
    return _read_zip(data) if data.startswith(ZIP_START) else _read_legacy(data)


def array(tensor: Tensor, read: Read) -> np.ndarray:
    """A tensor's numbers, without a copy.

    Raises:
        ValueError: it reaches beyond its storage, or the storage is cut off.
    """
    count = math.prod(tensor.shape)
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((n - 1) * stride for n, stride in steps)
    if count and (last >= tensor.storage.size or count > tensor.storage.size):
        raise ValueError(
            f"a tensor of shape {list(tensor.shape)} does not fit into its storage of "
            f"{tensor.storage.size:,} numbers"
        )
    if not count:
        return np.zeros(tensor.shape, tensor.storage.dtype)
    values = read(tensor.storage)[tensor.offset :]
    strides = [stride * values.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(
        values, tensor.shape, strides, writeable=False
    )


def _tensor(storage, offset, shape, strides, *_) -> Tensor:
    shape, strides = tuple(shape), tuple(strides)
    numbers = (offset, *shape, *strides)
    whole = all(type(n) is int and 0 <= n < 2**63 for n in numbers)
    if not isinstance(storage, Storage) or not whole or len(shape) != len(strides):
        raise ValueError("a tensor's shape, strides or offset make no sense")
    if len(shape) > MAX_AXES:
        raise ValueError(f"a tensor has {len(shape)} axes")
    return Tensor(storage, offset, shape, strides)


def _parameter(data, *_) -> Tensor:
    return data


CONSTRUCTORS: Mapping[str, Any] = {
    "collections.OrderedDict": lambda *pairs: dict(*pairs),
    "collections.Counter": lambda *counts: dict(*counts),
    "torch.Size": lambda sizes=(): tuple(sizes),
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    **{f"torch.{name}": dtype for name, dtype in DTYPES.items()},
    **{f"torch.cuda.{name}": dtype for name, dtype in DTYPES.items()},
}


def _storage(identity: Any) -> Storage:
    kind, dtype, key, _, size, *view = identity
    if kind != "storage" or dtype not in DTYPES.values():
        raise ValueError(f"a persistent id is of kind {kind!r}")
    start = 0
    if view and view[0] is not None:
        _, start, size = view[0]
    if type(size) is not int or type(start) is not int or min(size, start) < 0:
        raise ValueError("a storage's size makes no sense")
    return Storage(str(key), np.dtype(dtype), size, start)


def _read_zip(data: bytes) -> tuple[Any, Read]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise ValueError("it is cut off or damaged (the archive has no end)") from error
    entries = {info.filename: info for info in archive.infolist()}
    if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
        raise ValueError("its archive is compressed, which PyTorch's never are")
    if sum(info.file_size for info in entries.values()) > len(data):
        raise ValueError("its archive declares more bytes than the file has")
    pickles = [n for n in entries if n == "data.pkl" or n.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError("it is a zip archive, but not one of torch.save")
    folder = pickles[0].removesuffix("data.pkl")

    @functools.cache
    def content(name: str) -> bytes:
        try:
            return archive.read(entries[folder + name])
        except KeyError as error:
            raise ValueError(f"its archive lacks '{name}'") from error
        except zipfile.BadZipFile as error:
            raise ValueError(f"it is damaged ({error})") from error

    big = folder + "byteorder" in entries and content("byteorder") == b"big"

    def read(storage: Storage) -> np.ndarray:
        return _numbers(content(f"data/{storage.key}"), storage, big)

    return unpickle(io.BytesIO(content("data.pkl")), CONSTRUCTORS, _storage), read


def _read_legacy(data: bytes) -> tuple[Any, Read]:
    file = io.BytesIO(data)
    seen: dict[str, Storage] = {}

    def note(identity: Any) -> Storage:
        storage = _storage(identity)
        seen.setdefault(storage.key, storage)
        return storage

    def one() -> Any:
        return unpickle(file, CONSTRUCTORS, note)

    _, _, system, result, keys = one(), one(), one(), one(), one()
    if not isinstance(system, dict) or not isinstance(keys, list):
        raise ValueError("it is no file of torch.save")
    big = system.get("little_endian") is False
    places: dict[str, tuple[int, int]] = {}
    for key in map(str, keys):
        if key not in seen:
            raise ValueError(f"its storage {key} belongs to no tensor")
        size = int.from_bytes(file.read(8), "little") * seen[key].dtype.itemsize
        places[key] = file.tell(), size
        file.seek(size, io.SEEK_CUR)

    def read(storage: Storage) -> np.ndarray:
        if storage.key not in places:
            raise ValueError(f"it lacks the storage {storage.key}")
        start, size = places[storage.key]
        return _numbers(memoryview(data)[start : start + size], storage, big)

    return result, read


def _numbers(content: bytes | memoryview, storage: Storage, big: bool) -> np.ndarray:
    """The storage's numbers out of the bytes that it lies in."""
    count = storage.start + storage.size
    if len(content) < (wanted := count * storage.dtype.itemsize):
        raise ValueError(
            f"it is cut off or damaged: storage {storage.key} has {len(content):,} of "
            f"{wanted:,} bytes"
        )
    values = np.frombuffer(content, storage.dtype, count)[storage.start :]
    return values.byteswap() if big else values
