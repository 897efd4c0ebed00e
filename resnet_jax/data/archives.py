"""MNIST's and CIFAR's own file formats, read in memory and never unpacked to disk."""

import gzip
import pathlib
import tarfile
import zlib

import numpy as np

from resnet_jax.data.arrays import npz

Arrays = dict[str, np.ndarray]  # image uint8 [N, H, W, C], label [N]

_IDX = {
    split: (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    for split, part in (("train", "train"), ("test", "t10k"))
}
# Archive, its folder, the files per split, label bytes per record (the last counts).
_CIFAR = {
    "cifar10": (
        "cifar-10-binary.tar.gz",
        "cifar-10-batches-bin",
        {
            "train": [f"data_batch_{i}.bin" for i in range(1, 6)],
            "test": ["test_batch.bin"],
        },
        1,
    ),
    "cifar100": (
        "cifar-100-binary.tar.gz",
        "cifar-100-binary",
        {"train": ["train.bin"], "test": ["test.bin"]},
        2,
    ),
}


def read_mnist(dataset: str, folder: pathlib.Path, sizes: dict) -> dict[str, Arrays]:
    """MNIST or Fashion-MNIST from its four idx files, gzipped or not, or <name>.npz.

    Args:
        dataset: 'mnist' or 'fashion_mnist'.
        folder: where the files are.
        sizes: split -> number of examples to expect.

    Raises:
        ValueError: a file is missing, damaged, or something else.
    """
    if (file := folder / f"{dataset}.npz").is_file():
        return _read_npz(file, sizes)
    files = [name for names in _IDX.values() for name in names]
    found = {name: path for name in files if (path := _idx_file(folder, name))}
    if len(found) < len(files):
        raise ValueError(
            f"{folder} lacks the files of {dataset}: {', '.join(files)} (each may end "
            f"in .gz), or {dataset}.npz with x_train, y_train, x_test and y_test."
        )
    return {
        split: {
            "image": _read_idx(found[image], (sizes[split], 28, 28))[..., None],
            "label": _read_idx(found[label], (sizes[split],)),
        }
        for split, (image, label) in _IDX.items()
    }


def read_cifar(dataset: str, folder: pathlib.Path, sizes: dict) -> dict[str, Arrays]:
    """CIFAR-10 or CIFAR-100 from the binary version, or <name>.npz.

    Args:
        dataset: 'cifar10' or 'cifar100' (the fine labels).
        folder: where the .tar.gz, its unpacked folder or the .npz is.
        sizes: split -> number of examples to expect.

    Raises:
        ValueError: a file is missing, damaged, or something else.
    """
    archive, inner, files, label_bytes = _CIFAR[dataset]
    record = label_bytes + 3072
    lengths = {
        name: record * sizes[split] // len(names)
        for split, names in files.items()
        for name in names
    }
    if (file := folder / f"{dataset}.npz").is_file():
        return _read_npz(file, sizes)
    unpacked = [
        p for p in (folder, folder / inner) if (p / next(iter(lengths))).exists()
    ]
    if (folder / archive).is_file():
        raw = _read_tar(folder / archive, inner, lengths)
    elif unpacked:
        raw = {n: _read_file(unpacked[0] / n, size) for n, size in lengths.items()}
    else:
        raise ValueError(
            f"{folder} lacks the files of {dataset}: {archive} (the binary version), "
            f"its folder {inner}, or {dataset}.npz with x_train, y_train, x_test and "
            "y_test."
        )
    return {
        split: _records(b"".join(raw[name] for name in names), record, label_bytes)
        for split, names in files.items()
    }


def _records(raw: bytes, record: int, label_bytes: int) -> Arrays:
    rows = np.frombuffer(raw, np.uint8).reshape(-1, record)
    images = rows[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    arrays = {"image": images, "label": rows[:, label_bytes - 1]}
    return {**arrays, "coarse_label": rows[:, 0]} if label_bytes == 2 else arrays


def _read_npz(file: pathlib.Path, sizes: dict) -> dict[str, Arrays]:
    result = {}
    for split, size in sizes.items():
        arrays = npz(split, path=str(file)).arrays
        if "label" not in arrays or len(arrays["image"]) != size:
            raise ValueError(
                f"{file} has {len(arrays['image'])} {split} images "
                f"{'with' if 'label' in arrays else 'without'} labels; {size} with "
                "labels are expected."
            )
        result[split] = arrays
    return result


def _idx_file(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    dotted = name.replace("-idx", ".idx")
    names = (name, f"{name}.gz", dotted, f"{dotted}.gz")
    return next((p for n in names if (p := folder / n).is_file()), None)


def _read_idx(path: pathlib.Path, shape: tuple[int, ...]) -> np.ndarray:
    """An idx file: 0, 0, 8 (bytes), rank; the big-endian shape; the values."""
    size = int(np.prod(shape))
    header = 4 + 4 * len(shape)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            raw = file.read(header + size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}.") from error
    if raw[:4] != bytes((0, 0, 8, len(shape))):
        raise ValueError(
            f"{path} is not an idx file of {len(shape)} dimensions: it starts with "
            f"{raw[:4].hex(' ') or 'nothing'}, not 00 00 08 0{len(shape)}."
        )
    sides = raw[4:header].ljust(header - 4, b"\0")
    found = tuple(int(n) for n in np.frombuffer(sides, ">u4"))
    if found != shape or len(raw) != header + size:
        raise ValueError(
            f"{path} has the shape {list(found)} and {len(raw) - header:,} values or "
            f"more; {list(shape)} and {size:,} are expected."
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def _read_tar(path: pathlib.Path, inner: str, lengths: dict) -> dict[str, bytes]:
    result = {}
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:
                folder, _, name = member.name.removeprefix("./").partition("/")
                if folder == inner and name in lengths and member.isreg():
                    _check_size(f"{member.name} of {path}", member.size, lengths[name])
                    file = tar.extractfile(member)
                    assert file is not None
                    result[name] = file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}.") from error
    if missing := lengths.keys() - result.keys():
        raise ValueError(f"{path} lacks {', '.join(sorted(missing))} in {inner}/.")
    return result


def _read_file(path: pathlib.Path, length: int) -> bytes:
    if not path.is_file():
        raise ValueError(f"{path} is missing.")
    _check_size(str(path), path.stat().st_size, length)
    return path.read_bytes()


def _check_size(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise ValueError(
            f"{what} has {found:,} bytes, {expected:,} are expected: it is cut off or "
            "another version."
        )
