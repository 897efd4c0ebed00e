"""Prepares known data sets for the tfds source, from files that the user has."""

import dataclasses
import io
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from resnet_jax.data import archives, names
from resnet_jax.data.arrays import check_labels
from resnet_jax.lookup import suggest


@dataclasses.dataclass(frozen=True)
class Known:
    """A data set that can be prepared.

    Attributes:
        read: reader of its files, (dataset, folder, sizes) -> arrays by split.
        shape: of an image, [H, W, C].
        class_names: the names of the labels.
        sizes: number of examples by split.
        version: TFDS's own, so that TFDS finds the data set by name.
        description: one sentence.
    """

    read: Callable[..., dict[str, archives.Arrays]]
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    sizes: dict[str, int]
    version: str
    description: str


_UNREGISTERED: dict = {"skip_registration": True}  # TFDS has builders of these names

DATASETS = {
    "mnist": Known(
        archives.read_mnist,
        (28, 28, 1),
        names.DIGITS,
        {"train": 60_000, "test": 10_000},
        "3.0.1",
        "Handwritten digits (LeCun et al. 1998).",
    ),
    "fashion_mnist": Known(
        archives.read_mnist,
        (28, 28, 1),
        names.FASHION,
        {"train": 60_000, "test": 10_000},
        "3.0.1",
        "Articles of clothing (Xiao et al. 2017, arXiv:1708.07747).",
    ),
    "cifar10": Known(
        archives.read_cifar,
        (32, 32, 3),
        names.CIFAR10,
        {"train": 50_000, "test": 10_000},
        "3.0.2",
        "Small color photographs in 10 classes (Krizhevsky 2009).",
    ),
    "cifar100": Known(
        archives.read_cifar,
        (32, 32, 3),
        names.CIFAR100,
        {"train": 50_000, "test": 10_000},
        "3.0.2",
        "Small color photographs in 100 classes (Krizhevsky 2009).",
    ),
}


def prepare(
    dataset: str,
    source_folder: str | os.PathLike,
    out_dir: str | os.PathLike,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> str:
    """Writes <out_dir>/<dataset>/<version>/ in TFDS's array_record format.

    Examples keep their order. Nothing is left behind where it fails.

    Args:
        dataset: 'mnist', 'fashion_mnist', 'cifar10' or 'cifar100'.
        source_folder: where the files are, see archives.read_mnist and read_cifar.
        out_dir: the folder of prepared data sets (the source's data_dir).
        progress: is told after every example how many of how many are written.

    Returns:
        The folder that was written.

    Raises:
        ValueError: an unknown data set, missing or damaged files, or there already is
            such a folder.
    """
    if dataset not in DATASETS:
        raise ValueError(
            f"unknown data set '{dataset}' to prepare. {suggest(dataset, DATASETS)}"
        )
    source = pathlib.Path(source_folder).expanduser()
    out = pathlib.Path(out_dir).expanduser()
    if not source.is_dir():
        raise ValueError(
            f"there is no folder {source}; expected one with the files of {dataset}."
        )
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; name a folder to write to.")
    if (out / dataset).exists():
        raise ValueError(f"{out / dataset} exists already; remove it to prepare anew.")
    known = DATASETS[dataset]
    splits = known.read(dataset, source, known.sizes)
    for split, arrays in splits.items():
        _check(arrays, known, f"{dataset} ({split})")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".prepare-") as temporary:
        builder = _builder(dataset, known, temporary, splits, progress)
        builder.download_and_prepare()
        os.rename(pathlib.Path(temporary, dataset), out / dataset)
    return str(out / dataset / known.version)


def _check(arrays: archives.Arrays, known: Known, what: str) -> None:
    image, label = arrays["image"], arrays["label"]
    check_labels(label, len(known.class_names), what)
    if image.shape[1:] != known.shape or image.dtype != np.uint8 or label.min() < 0:
        raise ValueError(
            f"the images of {what} are {image.dtype} {list(image.shape[1:])}, labels "
            f"from {label.min()}; uint8 {list(known.shape)} and labels from 0 are "
            "expected."
        )


def _builder(dataset, known: Known, data_dir, splits, progress):
    """A TFDS builder for arrays, with nothing of TFDS that needs TensorFlow.

    The features are those of TFDS's own data sets, so that its code reads them too.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    features = {
        "image": tfds.features.Image(shape=known.shape, dtype=np.uint8),
        "label": tfds.features.ClassLabel(names=list(known.class_names)),
    }
    if dataset.startswith("cifar"):
        features["id"] = tfds.features.Text()
    if dataset == "cifar100":
        coarse = list(names.CIFAR100_COARSE)
        features["coarse_label"] = tfds.features.ClassLabel(names=coarse)
    total = sum(len(arrays["label"]) for arrays in splits.values())

    class Prepared(tfds.core.GeneratorBasedBuilder, **_UNREGISTERED):
        VERSION = tfds.core.Version(known.version)
        name = dataset

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                description=known.description,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=("image", "label"),
                disable_shuffling=True,
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in splits}

        def _generate_examples(self, split):
            before = 0 if split == "train" else len(splits["train"]["label"])
            for i, example in enumerate(_examples(split, splits[split])):
                yield i, {key: example[key] for key in features}
                progress(before + i + 1, total)

        def _log_download_bytes(self):  # TFDS announces a download on stdout
            pass

        _log_download_done = _log_download_bytes

    return Prepared(data_dir=data_dir, file_format="array_record")


def _examples(split: str, arrays: archives.Arrays) -> Iterator[dict]:
    """One split's examples with all features; -1 is an unknown coarse label."""
    count = len(arrays["label"])
    coarse = arrays.get("coarse_label", np.full(count, -1, np.int64))
    for i in range(count):
        yield {
            "image": _png(arrays["image"][i]),
            "label": int(arrays["label"][i]),
            "coarse_label": int(coarse[i]),
            "id": f"{split}_{i:05d}",
        }


def _png(image: np.ndarray) -> io.BytesIO:
    from PIL import Image

    file = io.BytesIO()
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    Image.fromarray(pixels).save(file, "PNG")
    file.seek(0)
    return file
