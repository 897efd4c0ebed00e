"""The data of a run: training batches by step, evaluations by name."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from resnet_jax.data.arrays import check_images
from resnet_jax.data.batches import (
    FOREVER,
    Batch,
    EvalBatches,
    EvalImages,
    TrainBatches,
    TwoDomains,
    prefetched,
    read_ahead,
    side_by_side,
)
from resnet_jax.data.domains import Domains
from resnet_jax.data.geometry import RandomResizedCrop
from resnet_jax.data.images import IMAGE_KEYS, BadImage
from resnet_jax.data.pairs import PairSource
from resnet_jax.data.progressive import Progressive
from resnet_jax.data.reader import Reader, one_row
from resnet_jax.data.section import Part, Section, read_section
from resnet_jax.data.sources import load_source
from resnet_jax.data.transforms import build_transforms, keeps_places
from resnet_jax.lookup import suggest
from resnet_jax.spec import DataSpec


class Evaluations:
    """Evaluations without training data.

    Attributes:
        readers: by name.
        evals: name -> function that gives an evaluation's batches, see Data.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        *,
        batch_size: int,
        workers: int = 0,
        process_index: int = 0,
        process_count: int = 1,
    ):
        """As Data; `workers` are processes that read single examples, 0 for threads.

        Raises:
            ValueError: the batch size does not fit, or no example can be read.
        """
        rows = _rows(batch_size, process_index, process_count)
        self.readers = readers
        self._evals = {
            name: _evaluation(name, reader, batch_size, rows, process_count)
            for name, reader in readers.items()
        }
        self.evals: dict[str, Callable[[], Iterator[Batch]]] = {
            name: functools.partial(
                _iterate, batches.reader, batches, 0, len(batches), workers
            )
            for name, batches in self._evals.items()
        }

    def train(self, step: int, attempt: int = 0, draws: int = 1) -> Iterator[Batch]:
        """No batches."""
        return iter(())

    def blanks(self) -> dict[str, Batch]:
        """A batch of zeros of each evaluation: of different images the smallest."""
        return {name: batches.blank() for name, batches in self._evals.items()}

    def pictures(self, name: str, indices: Sequence[int]) -> list[np.ndarray]:
        """Examples of an evaluation to look at, after its transforms.

        Args:
            name: of the evaluation.
            indices: of the examples, as in the batches.

        Returns:
            uint8 images [H, W, C].

        Raises:
            ValueError: there is no such evaluation, or a bad image.
        """
        if name not in self.readers:
            raise ValueError(f"no evaluation '{name}'. {suggest(name, self.readers)}")
        return [self.readers[name].picture(int(i)) for i in indices]


class Data(Evaluations):
    """What a run reads.

    Batches are dicts of NumPy arrays: image, or a and b, uint8 or uint16 [B, H, W, C]
    as stored, label int32 [B] (-1: ignore) where the source has labels, index int32
    [B] (of two domains also index_b), and in evaluation mask bool [B], False for the
    rows that fill up the last batch (images 0, label and index -1). With several
    processes they hold this process's rows [p B / P, (p + 1) B / P) of the global
    batch. Evaluations whose images differ in size have B = 1.

    Attributes:
        spec: the DataSpec; the shapes are those of training, at its end where images
            grow.
        evals: name -> function that gives an evaluation's batches.
        readers: of the evaluations, by name.
        replaced: how many bad training examples were replaced so far, here.
    """

    def __init__(
        self,
        section: Mapping[str, Any],
        *,
        batch_size: int,
        seed: int,
        workers: int = 0,
        process_index: int = 0,
        process_count: int = 1,
    ):
        """Loads the sources.

        Args:
            section: the config's `data`, see section.Section.
            batch_size: examples per global batch.
            seed: from 0.
            workers: processes that read single examples in training; arrays need none.
            process_index, process_count: which rows of the global batch are read.

        Raises:
            ValueError: anything in the section that does not fit, in one sentence.
        """
        fields = read_section(section)
        for name, value in (("seed", seed), ("workers", workers)):
            if value < 0:
                raise ValueError(f"{name} must be 0 or more, not {value}.")
        self._size = batch_size
        self._rows = _rows(batch_size, process_index, process_count)
        self._seed, self._workers = seed, workers
        self.replaced = 0
        self._train = _reader(fields, fields.train, "data.train", training=True)
        self._repeats, self._growth = fields.train.repeats, fields.train.growth
        _check_growth(self._growth, self._train)
        # Of two domains the smaller must be enough for a batch.
        sources = [reader.source for reader in self._train.streams]
        self._smallest = min(sources, key=len)
        if batch_size > (examples := len(self._smallest)):
            raise ValueError(
                f"batch_size {batch_size} is larger than the training set, {examples} "
                f"examples of {self._smallest!r}."
            )
        readers = {
            name: _reader(fields, part, f"data.evals.{name}", training=False)
            for name, part in fields.evals.items()
        }
        self._streams = [(reader, _first(reader)) for reader in self._train.streams]
        super().__init__(
            readers,
            batch_size=batch_size,
            process_index=process_index,
            process_count=process_count,
        )
        likes = {name: batches.like for name, batches in self._evals.items()}
        like = functools.reduce(side_by_side, (like for _, like in self._streams))
        self.spec = _spec(fields, self._train, like, readers, likes)

    def train(self, step: int, attempt: int = 0, draws: int = 1) -> Iterator[Batch]:
        """Endless batches, first that of step + 1 (steps count from 1).

        Closing the iterator ends its threads and processes.

        Args:
            step: completed steps.
            attempt: changes order and augmentation, for a run that was rolled back.
            draws: a batch has draws * batch_size examples.

        Raises:
            ValueError: that is more than the training set has.
        """
        size = self.step_size(draws)
        rows = slice(draws * self._rows.start, draws * self._rows.stop)
        rest = rows, self._seed, attempt, self._repeats, self._growth
        streams = [
            TrainBatches(reader, size, like, *rest, number)
            for number, (reader, like) in enumerate(self._streams)
        ]
        batches = TwoDomains(*streams) if len(streams) > 1 else streams[0]
        source = _iterate(self._train, batches, step, FOREVER, self._workers)
        try:
            for k, batch in enumerate(source, step):
                self.replaced += batches.replaced(k, batch)
                yield batch
        finally:
            source.close()

    def step_size(self, draws: int) -> int:
        """Examples of a step that takes so many batches.

        Raises:
            ValueError: that is more than the training set has.
        """
        size = draws * self._size
        if size > (examples := len(self._smallest)):
            raise ValueError(
                f"a step takes {draws} x batch_size = {size} examples, more than the "
                f"{examples} of {self._smallest!r}; lower batch_size."
            )
        return size

    def whole(self, name: str) -> Batch:
        """Every example of 'train' or of an evaluation in one batch, in order.

        What a source draws is drawn once. All processes get all examples.

        Raises:
            ValueError: there is no such evaluation, or the transforms are random: a
                single draw would be the same in every epoch.
        """
        if name != "train" and name not in self._evals:
            raise ValueError(f"no evaluation '{name}'. {suggest(name, self._evals)}")
        training = name == "train"
        reader = self._train if training else self._evals[name].reader
        like = self._streams[0][1] if training else self._evals[name].like
        if chance := [type(t).__name__ for t in reader.transforms if t.draws]:
            raise ValueError(
                f"data.train has random transforms ({', '.join(chance)}) and is "
                "read once for all epochs; drop them from data.train.transforms."
            )
        size = len(reader.source)
        u = np.random.default_rng(self._seed).random((size, reader.draws))
        parts = []
        for rows in np.split(np.arange(size), range(self._size, size, self._size)):
            batch, good = reader.read(rows, u[rows], like)
            parts.append({key: values[good] for key, values in batch.items()})
        return {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}


def _reader(section: Section, part: Part, what: str, training: bool) -> Reader:
    transforms = build_transforms(part.transforms)
    for transform in transforms:
        if transform.draws and not training:
            raise ValueError(
                f"{what} has the random transform {type(transform).__name__}; an "
                "evaluation takes resize, center_crop and crop_multiple."
            )
    source = load_source(part.source or section.source, part.split)
    if not len(source):
        raise ValueError(f"{source!r} has no examples.")
    if isinstance(source, Domains) and not training:
        raise ValueError(
            f"{what} has both domains, and an evaluation takes one: its split is "
            f"'{part.split}A' or '{part.split}B'."
        )
    skip = section.on_bad_example == "skip"
    if getattr(source, "scale", 1) > 1 and not keeps_places(transforms):
        raise ValueError(
            f"{what} cuts or resizes pairs whose images differ in size, which would "
            "part them; cut patches with data.source.patch, and keep flip and dihedral."
        )
    reader = Reader(source, transforms, training, skip)
    if isinstance(source, PairSource) and not skip:
        try:
            source.check()
        except BadImage as error:
            raise reader.with_remedy(error) from error
    return reader


def _evaluation(
    name: str, reader: Reader, batch_size: int, rows: slice, process_count: int
) -> EvalBatches | EvalImages:
    like = _first(reader)
    if not reader.mixed:
        return EvalBatches(reader, batch_size, like, rows)
    if process_count > 1:
        raise ValueError(
            f"the images of evaluation '{name}' differ in size and are judged one by "
            f"one, which {process_count} processes do not share: bring them to one "
            "size (resize, center_crop), or leave it out and evaluate the finished "
            "run in one process."
        )
    return EvalImages(reader, like)


def _check_growth(growth: Progressive | None, reader: Reader) -> None:
    crops = [t.size for t in reader.transforms if isinstance(t, RandomResizedCrop)]
    if growth and crops != [growth.sizes[-1]]:
        raise ValueError(
            f"data.train.progressive ends at {growth.sizes[-1]} pixels; expected a "
            "random_resized_crop of that size among the transforms of data.train."
        )


def _first(reader: Reader) -> Batch:
    """A batch of one row, from the first good example: it sets shapes and dtypes."""
    for i in range(len(reader.source)):
        if example := reader.find(i, np.full(reader.draws, 0.5)):
            break
    else:
        raise ValueError(f"no example of {reader.source!r} can be read.")
    batch = one_row(example)
    for key in IMAGE_KEYS & batch.keys():
        check_images(batch[key], f"the images of {reader.source!r}")
    return batch


def _spec(section: Section, train: Reader, like: Batch, readers, likes) -> DataSpec:
    for name, reader in readers.items():
        _check_images_alike(name, likes[name], like)
        if reader.source.class_names != train.source.class_names:
            raise ValueError(
                f"evaluation '{name}' has other classes ("
                f"{len(reader.source.class_names)}) than training "
                f"({len(train.source.class_names)})."
            )
    channels = next(x.shape[-1] for x in like.values() if x.ndim == 4)
    mean, std = section.normalization(channels)
    part = next(iter(section.evals.values()), None)
    return DataSpec(
        shapes={key: value.shape[1:] for key, value in like.items()},
        dtypes={key: value.dtype.name for key, value in like.items()},
        class_names=train.source.class_names,
        mean=mean,
        std=std,
        sizes={
            "train": len(train.source),
            **{name: len(reader.source) for name, reader in readers.items()},
        },
        transforms={
            name: dict(fields)
            for name, fields in ((part and part.transforms) or {}).items()
            if fields is not None
        },
        source=repr(train.source),
    )


def _check_images_alike(name: str, theirs: Batch, ours: Batch) -> None:
    """Raises ValueError where an evaluation's images are none that training has."""
    for key in sorted(IMAGE_KEYS & theirs.keys()):
        if key not in ours:
            raise ValueError(
                f"evaluation '{name}' has the images {_images(theirs)}, training "
                f"{_images(ours)}."
            )
        image, like = theirs[key], ours[key]
        if image.shape[-1] != like.shape[-1] or image.dtype != like.dtype:
            raise ValueError(
                f"evaluation '{name}' has {image.dtype} images of {image.shape[-1]} "
                f"channels, training {like.dtype} images of {like.shape[-1]}."
            )


def _images(batch: Batch) -> str:
    return " and ".join(f"'{key}'" for key in sorted(IMAGE_KEYS & batch.keys()))


def _rows(size: int, index: int, count: int) -> slice:
    if size < 1 or size % count:
        raise ValueError(
            f"batch_size {size} must be a multiple of the number of processes, {count}."
        )
    assert 0 <= index < count
    return slice(index * size // count, (index + 1) * size // count)


def _iterate(reader: Reader, batches, start: int, stop: int, workers: int = 0):
    if all(stream.in_memory for stream in reader.streams):
        return prefetched(batches.__getitem__, start, stop)
    return read_ahead(batches.__getitem__, start, stop, workers)
