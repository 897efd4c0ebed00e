"""Data sets prepared by TensorFlow Datasets, read without TensorFlow."""

import difflib
import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from resnet_jax.data.arrays import ArraySource
from resnet_jax.data.crop import read_crop
from resnet_jax.data.geometry import RandomResizedCrop
from resnet_jax.data.images import read_image
from resnet_jax.data.splits import check_split

PREPARED_HERE = ("cifar10", "cifar100", "fashion_mnist", "mnist")


class RecordSource:
    """Examples of a prepared data set, read and decoded when asked for.

    Attributes:
        class_names: the names of the 'label' feature, () where there is none.
    """

    samples_per_example = 1

    def __init__(self, builder, split: str, description: str):
        from tensorflow_datasets import decode, features

        known = dict(builder.info.features.items())
        if "image" not in known:
            raise ValueError(f"it has no feature 'image', only {', '.join(known)}.")
        label = known.get("label")
        names = label.names if isinstance(label, features.ClassLabel) else ()
        self.class_names = tuple(names)
        # Encoded images are decoded by read_image, which bounds and names them.
        encoded = isinstance(known["image"], features.Image)
        self.channels = (known["image"].shape[-1] or 3) if encoded else None
        decoders = {"image": decode.SkipDecoding()} if encoded else None
        self.records = builder.as_data_source(split, decoders=decoders)
        self.description = description

    def __len__(self) -> int:
        return len(self.records)

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """int32 [N], read from all records."""
        return np.array([record["label"] for record in self.records], np.int32)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._read(index, read_image)

    def crop(
        self, index: int, crop: RandomResizedCrop, u: np.ndarray
    ) -> dict[str, Any]:
        """An example whose image is cropped as it is read, see read_crop."""
        example = self._read(index, functools.partial(read_crop, crop=crop, u=u))
        if not self.channels:
            example["image"] = crop(example["image"][None], u[None])[0]
        return example

    def _read(self, index: int, read: Callable[..., np.ndarray]) -> dict[str, Any]:
        record = self.records[int(index)]
        example = {"image": record["image"]}
        if self.channels:
            name = f"image {index} of {self.description}"
            example["image"] = read(record["image"], self.channels, name=name)
        if self.class_names:
            example["label"] = np.int32(record["label"])
        return example

    def __repr__(self) -> str:
        return self.description


def tfds(
    split: str,
    *,
    dataset: str,
    data_dir: str | os.PathLike | None = None,
    in_memory: bool = False,
) -> RecordSource | ArraySource:
    """A data set that TFDS has prepared as array_record: its 'image' and 'label'.

    Args:
        split: one of its splits, or a part of one such as 'train[:90%]'.
        dataset: 'cifar10', 'imagenette/160px-v2' or 'cifar10:3.0.2'; the newest
            version unless one is given.
        data_dir: the folder of prepared data sets; by default TFDS's own,
            $TFDS_DATA_DIR or ~/tensorflow_datasets.
        in_memory: decode everything once, which makes batches of small images tens of
            times faster.

    Raises:
        ValueError: it is not there (the message says how to prepare it), or stored in
            a format that needs TensorFlow.
    """
    builder = _builder(dataset, data_dir)
    check_split(split.split("[")[0], builder.info.splits, dataset)
    description = f"{dataset} ({split})"
    try:
        source = RecordSource(builder, split, description)
    except ValueError as error:
        raise ValueError(f"{description} cannot be read: {error}") from error
    if not in_memory:
        return source
    examples = [source[i] for i in range(len(source))]
    arrays = {key: np.stack([e[key] for e in examples]) for key in examples[0]}
    return ArraySource(arrays, source.class_names, description)


def _builder(dataset: str, data_dir: str | os.PathLike | None):
    import tensorflow_datasets

    default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    folder = data_dir or default
    found = _find(dataset, pathlib.Path(folder).expanduser())
    if found is None:
        name = dataset.split("/")[0].split(":")[0]
        how = (
            f"resnet-jax prepare --dataset={name} --from=FOLDER"
            if name in PREPARED_HERE
            else f"tfds build {name} --file_format=array_record"
        )
        there = [path.name for path in pathlib.Path(folder).expanduser().glob("*")]
        close = difflib.get_close_matches(name, there, 1)
        hint = f" Did you mean {close[0]}?" if close and close[0] != name else ""
        raise ValueError(
            f"the data set '{dataset}' is not prepared in {folder}; prepare it with "
            f"`{how}`, or name its folder in data.source.data_dir.{hint}"
        )
    builder = tensorflow_datasets.builder_from_directory(found)
    kind = builder.info.file_format
    if kind is None or kind.value != "array_record":
        raise ValueError(
            f"{found} is stored as {kind and kind.value}; array_record is needed: "
            "prepare it with --file_format=array_record."
        )
    return builder


def _find(dataset: str, folder: pathlib.Path) -> pathlib.Path | None:
    """The newest version's folder, or the one that is asked for."""
    name, _, version = dataset.partition(":")
    top = folder / name / version
    folders = [top, *top.glob("*")] if top.is_dir() else []
    found = [f for f in folders if (f / "features.json").is_file()]
    return max(found, key=_version, default=None)


def _version(folder: pathlib.Path) -> tuple[int, ...]:
    parts = folder.name.split(".")
    return tuple(int(p) if p.isdigit() else -1 for p in parts)
