import dataclasses
import gzip
import io
import struct
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from resnet_jax.data import Data
from resnet_jax.data.arrays import ArraySource
from resnet_jax.data.prepare import DATASETS, prepare
from resnet_jax.data.sources import load_source

SIZES = {"train": 20, "test": 10}
RNG = np.random.default_rng(4)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The known data sets with fewer examples, and no network."""
    for name, known in DATASETS.items():
        shrunk = dataclasses.replace(known, sizes=SIZES)
        monkeypatch.setitem(DATASETS, name, shrunk)
    monkeypatch.setattr("socket.socket.connect", None)


def examples(shape, classes):
    return {
        split: (
            RNG.integers(0, 256, (count, *shape), np.uint8),
            RNG.integers(0, classes, count).astype(np.uint8),
        )
        for split, count in SIZES.items()
    }


def write_idx(folder, data, compress):
    for split, part in (("train", "train"), ("test", "t10k")):
        for values, kind in zip(
            data[split], ("images-idx3", "labels-idx1"), strict=True
        ):
            values = values.squeeze(-1) if values.ndim == 4 else values
            shape = struct.pack(f">{values.ndim}I", *values.shape)
            raw = bytes((0, 0, 8, values.ndim)) + shape + values.tobytes()
            name = f"{part}-{kind}-ubyte" + (".gz" if compress else "")
            (folder / name).write_bytes(gzip.compress(raw) if compress else raw)


def cifar_files(dataset, data):
    files = {}
    for split, (x, y) in data.items():
        labels = y[:, None] if dataset == "cifar10" else np.stack([y // 5, y], 1)
        pixels = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        rows = np.concatenate([labels.astype(np.uint8), pixels], 1)
        if dataset == "cifar100":
            files[f"{split}.bin"] = rows.tobytes()
        elif split == "test":
            files["test_batch.bin"] = rows.tobytes()
        else:
            for i in range(5):
                part = rows[i * 4 : i * 4 + 4].tobytes()
                files[f"data_batch_{i + 1}.bin"] = part
    return files


INNER = {"cifar10": "cifar-10-batches-bin", "cifar100": "cifar-100-binary"}
ARCHIVE = {d: f"cifar-{d[5:]}-binary.tar.gz" for d in INNER}


def write_tar(path, inner, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{inner}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def write_folder(folder, files):
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_npz(path, data):
    np.savez(
        path,
        **{f"x_{s}": x for s, (x, _) in data.items()},
        **{f"y_{s}": y for s, (_, y) in data.items()},
    )


def write(dataset, form, folder):
    classes = {"cifar100": 100}.get(dataset, 10)
    shape = (32, 32, 3) if dataset in INNER else (28, 28, 1)
    data = examples(shape, classes)
    folder.mkdir(exist_ok=True)
    if form == "npz":
        write_npz(folder / f"{dataset}.npz", data)
    elif dataset not in INNER:
        write_idx(folder, data, compress=form == "gz")
    elif form == "tar":
        files = cifar_files(dataset, data)
        write_tar(folder / ARCHIVE[dataset], INNER[dataset], files)
    else:
        write_folder(folder / INNER[dataset], cifar_files(dataset, data))
    return data


@pytest.mark.parametrize(
    "dataset, form",
    [
        ("mnist", "plain"),
        ("fashion_mnist", "gz"),
        ("fashion_mnist", "npz"),
        ("cifar10", "tar"),
        ("cifar10", "npz"),
        ("cifar100", "tar"),
        ("cifar100", "folder"),
        ("cifar100", "npz"),
    ],
)
def test_round_trip(dataset, form, tmp_path, capsys):
    data = write(dataset, form, tmp_path / "raw")
    told = []
    path = prepare(
        dataset,
        tmp_path / "raw",
        tmp_path / "out",
        lambda done, total: told.append((done, total)),
    )
    assert told == [(i + 1, 30) for i in range(30)] and capsys.readouterr().out == ""
    assert [p.name for p in (tmp_path / "out").iterdir()] == [dataset]
    assert "tensorflow" not in sys.modules
    section = {"name": "tfds", "dataset": dataset, "data_dir": str(tmp_path / "out")}
    for split, (x, y) in data.items():
        source = load_source(section, split)
        assert len(source) == len(x)
        for i in range(len(x)):
            np.testing.assert_array_equal(source[i]["image"], x[i])
            assert source[i]["label"] == y[i]
        whole = load_source({**section, "in_memory": True}, split)
        assert (
            isinstance(whole, ArraySource) and whole.class_names == source.class_names
        )
        np.testing.assert_array_equal(whole.arrays["image"], x)
        np.testing.assert_array_equal(whole.arrays["label"], y)
    assert source.class_names == DATASETS[dataset].class_names
    assert path.endswith(DATASETS[dataset].version)


@pytest.mark.parametrize("dataset", ["fashion_mnist", "cifar10", "cifar100"])
def test_tfds_finds_it_by_name(dataset, tmp_path):
    import tensorflow_datasets as tfds

    data = write(dataset, "npz", tmp_path / "raw")
    prepare(dataset, tmp_path / "raw", tmp_path / "out")
    records = tfds.data_source(dataset, data_dir=tmp_path / "out", split="test")
    np.testing.assert_array_equal(records[3]["image"], data["test"][0][3])
    assert records[3]["label"] == data["test"][1][3]


def test_training_from_records(tmp_path):
    write("mnist", "plain", tmp_path / "raw")
    prepare("mnist", tmp_path / "raw", tmp_path / "out")
    streams = []
    for in_memory in (False, True):
        source = {
            "name": "tfds",
            "dataset": "mnist",
            "data_dir": str(tmp_path / "out"),
            "in_memory": in_memory,
        }
        train = {"split": "train[:50%]", "transforms": {"pad_crop_flip": {"pad": 2}}}
        data = Data({"source": source, "train": train}, batch_size=5, seed=0)
        assert data.spec.sizes == {"train": 10}
        batches = data.train(3)
        streams.append([next(batches) for _ in range(3)])
        batches.close()
    for a, b in zip(*streams, strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def test_coarse_labels_come_from_the_binary_version(tmp_path):
    import tensorflow_datasets as tfds

    data = write("cifar100", "tar", tmp_path / "raw")
    path = prepare("cifar100", tmp_path / "raw", tmp_path / "out")
    records = tfds.builder_from_directory(path).as_data_source("test")
    found = [records[i]["coarse_label"] for i in range(10)]
    assert found == (data["test"][1] // 5).tolist()


def test_names():
    assert len(set(DATASETS["cifar100"].class_names)) == 100
    assert DATASETS["cifar100"].class_names == tuple(
        sorted(DATASETS["cifar100"].class_names)
    )


def test_files_that_are_missing(tmp_path):
    with pytest.raises(ValueError, match=r"unknown data set 'cifar' to prepare\. Did"):
        prepare("cifar", tmp_path, tmp_path)
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere"):
        prepare("mnist", tmp_path / "nowhere", tmp_path)
    for dataset, names in (
        ("mnist", "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images"),
        (
            "cifar10",
            r"cifar-10-binary\.tar\.gz .*cifar-10-batches-bin, or cifar10\.npz",
        ),
    ):
        with pytest.raises(ValueError, match=f"lacks the files of {dataset}: {names}"):
            prepare(dataset, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(tmp_path):
    write("mnist", "plain", tmp_path / "raw")
    prepare("mnist", tmp_path / "raw", tmp_path / "out")
    with pytest.raises(ValueError, match="mnist exists already; remove it"):
        prepare("mnist", tmp_path / "raw", tmp_path / "out")


def test_nothing_is_left_behind(tmp_path):
    write("mnist", "plain", tmp_path / "raw")

    def stop(done, total):
        if done == 13:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare("mnist", tmp_path / "raw", tmp_path / "out", stop)
    assert list((tmp_path / "out").iterdir()) == []
    prepare("mnist", tmp_path / "raw", tmp_path / "out")


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda raw: raw[:-1], "has the shape"),
        (lambda raw: raw + b"x", "has the shape"),
        (lambda raw: b"", "starts with nothing, not 00 00 08 03"),
        (lambda raw: b"<html>", "starts with 3c 68 74 6d, not 00 00 08 03"),
        (lambda raw: raw[:7] + bytes([21]) + raw[8:], r"shape \[21, 28, 28\]"),
        (lambda raw: raw[:6], r"has the shape"),
    ],
)
def test_damaged_idx_files(tmp_path, compress, spoil, message):
    write("mnist", "gz" if compress else "plain", tmp_path)
    path = next(tmp_path.glob("train-images*"))
    raw = path.read_bytes()
    raw = spoil(gzip.decompress(raw) if compress else raw)
    path.write_bytes(gzip.compress(raw) if compress else raw)
    with pytest.raises(ValueError, match=f"train-images.* .*{message}"):
        prepare("mnist", tmp_path, tmp_path / "out")


def test_damaged_archives(tmp_path):
    write("mnist", "gz", tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
        prepare("mnist", tmp_path, tmp_path / "out")
    write("cifar10", "tar", tmp_path)
    path = tmp_path / ARCHIVE["cifar10"]
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz is damaged"):
        prepare("cifar10", tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_archive_members(tmp_path):
    files = cifar_files("cifar10", examples((32, 32, 3), 10))
    path = tmp_path / ARCHIVE["cifar10"]
    write_tar(path, INNER["cifar10"], {**files, "test_batch.bin": b"short"})
    with pytest.raises(
        ValueError, match=r"test_batch\.bin of .* has 5 bytes, 30,730 ar"
    ):
        prepare("cifar10", tmp_path, tmp_path / "out")
    del files["data_batch_3.bin"]
    write_tar(path, INNER["cifar10"], files)
    with pytest.raises(
        ValueError, match=r"lacks data_batch_3\.bin in cifar-10-batches"
    ):
        prepare("cifar10", tmp_path, tmp_path / "out")


def test_labels_out_of_range(tmp_path):
    data = examples((32, 32, 3), 10)
    data["test"][1][4] = 10
    write_npz(tmp_path / "cifar10.npz", data)
    with pytest.raises(ValueError, match=r"label 10 of example 4 of cifar10 \(test\)"):
        prepare("cifar10", tmp_path, tmp_path / "out")


def test_npz_of_another_kind(tmp_path):
    write_npz(tmp_path / "cifar10.npz", examples((28, 28, 1), 10))
    with pytest.raises(
        ValueError, match=r"images of cifar10 .train. are uint8 \[28, 28"
    ):
        prepare("cifar10", tmp_path, tmp_path / "out")
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((3, 28, 28), np.uint8))
    with pytest.raises(
        ValueError, match="3 train images without labels; 20 with labels"
    ):
        prepare("mnist", tmp_path, tmp_path / "out")


def test_a_data_set_that_is_not_prepared(tmp_path):
    section = {"name": "tfds", "dataset": "cifar10", "data_dir": str(tmp_path)}
    with pytest.raises(
        ValueError, match="resnet-jax prepare --dataset=cifar10 --from="
    ):
        load_source(section, "train")
    section["dataset"] = "imagenette/160px-v2"
    with pytest.raises(
        ValueError, match="`tfds build imagenette --file_format=array_re"
    ):
        load_source(section, "train")


def test_versions_and_splits(tmp_path):
    write("mnist", "plain", tmp_path / "raw")
    out = tmp_path / "out"
    path = prepare("mnist", tmp_path / "raw", out)
    section = {"name": "tfds", "dataset": "mnist:3.0.1", "data_dir": str(out)}
    assert len(load_source(section, "train")) == 20
    assert len(load_source(section, "train[5:8]")) == 3
    for split in ("train[:x%]", "trian"):
        with pytest.raises(ValueError, match=r"mnist:3.0.1"):
            load_source(section, split)
    with pytest.raises(ValueError, match=r"'mnist:9.9.9' is not prepared in"):
        load_source({**section, "dataset": "mnist:9.9.9"}, "train")
    assert path == str(out / "mnist" / "3.0.1")


def test_features_that_do_not_fit(tmp_path):
    import tensorflow_datasets as tfds

    class Odd(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")
        features: dict

        def _info(self):
            features = tfds.features.FeaturesDict(self.features)
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for i in range(4):
                yield i, {key: np.zeros((4, 4, 3), np.float32) for key in self.features}

    pixels = tfds.features.Tensor(shape=(4, 4, 3), dtype=np.float32)
    for key, message in (
        (
            "picture",
            r"odd \(train\) cannot be read: it has no feature 'image', only pict",
        ),
        ("image", r"the images of odd \(train\) are float32: pixels must be stored as"),
    ):
        Odd.features = {key: pixels}
        Odd(data_dir=tmp_path / key, file_format="array_record").download_and_prepare()
        source = {"name": "tfds", "dataset": "odd", "data_dir": str(tmp_path / key)}
        with pytest.raises(ValueError, match=message):
            Data({"source": source, "train": {"split": "train"}}, batch_size=2, seed=0)


@pytest.mark.slow
def test_real_fashion_mnist(real_data, tmp_path, monkeypatch):
    full = {"train": 60_000, "test": 10_000}
    known = dataclasses.replace(DATASETS["fashion_mnist"], sizes=full)
    monkeypatch.setitem(DATASETS, "fashion_mnist", known)
    prepare("fashion_mnist", real_data / "fashion_mnist", tmp_path)
    section = {"name": "tfds", "dataset": "fashion_mnist", "data_dir": str(tmp_path)}
    test = load_source({**section, "in_memory": True}, "test")
    assert np.bincount(test.arrays["label"]).tolist() == [1000] * 10
    assert test.arrays["label"][:5].tolist() == [9, 2, 1, 1, 6]
    train = load_source(section, "train")
    file = real_data / "fashion_mnist" / "train-images-idx3-ubyte.gz"
    raw = gzip.decompress(file.read_bytes())
    pixels = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28, 1)
    for i in (0, 17, 59_999):
        np.testing.assert_array_equal(train[i]["image"], pixels[i])


@pytest.mark.parametrize("in_memory", [True, False])
def test_two_classes_become_two_domains(tmp_path, in_memory):
    images, labels = write("cifar10", "npz", tmp_path / "from")["train"]
    prepare("cifar10", tmp_path / "from", tmp_path / "out")
    source = {"name": "tfds", "dataset": "cifar10", "data_dir": str(tmp_path / "out")}
    (a, first), (b, second) = [
        (name, number)
        for number, name in enumerate(DATASETS["cifar10"].class_names)
        if number in labels
    ][:2]
    classes = {"source": {**source, "in_memory": in_memory}, "a": a, "b": b}
    both = load_source({"name": "domains", **classes}, "train").domains
    for domain, key, number in zip(both, "ab", (first, second), strict=True):
        expected = images[labels == number]
        assert len(domain) == len(expected)
        for i, image in enumerate(expected):
            np.testing.assert_array_equal(domain[i][key], image)


def test_the_domains_of_a_prepared_data_set(tmp_path):
    """Splits and features are those of TFDS's cycle_gan."""
    tfds = pytest.importorskip("tensorflow_datasets")
    images = {
        f"{part}{side}": RNG.integers(0, 256, (count, 6, 7, 3), np.uint8)
        for part, side, count in (
            ("train", "A", 5),
            ("train", "B", 4),
            ("test", "A", 3),
            ("test", "B", 2),
        )
    }

    class CycleGan(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("3.0.0")
        name = "cycle_gan"

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "label": tfds.features.ClassLabel(names=["A", "B"]),
            }
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                disable_shuffling=True,
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in images}

        def _generate_examples(self, split):
            for i, image in enumerate(images[split]):
                file = io.BytesIO()
                Image.fromarray(image).save(file, "PNG")
                yield i, {"image": io.BytesIO(file.getvalue()), "label": split[-1]}

    CycleGan(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    tfds_source = {"name": "tfds", "dataset": "cycle_gan", "data_dir": str(tmp_path)}
    section = {
        "source": {"name": "domains", "source": tfds_source},
        "train": {"split": "train"},
        "evals": {side: {"split": f"test{side}"} for side in "AB"},
    }
    data = Data(section, batch_size=2, seed=0)
    assert data.spec.sizes == {"train": 5, "A": 3, "B": 2}
    batch = next(data.train(0))
    for key, index, split in (("a", "index", "trainA"), ("b", "index_b", "trainB")):
        np.testing.assert_array_equal(batch[key], images[split][batch[index]])
    (batch,) = data.evals["B"]()
    np.testing.assert_array_equal(batch["b"], images["testB"])
