"""Batch k as a function of k: resuming needs a step number and nothing else."""

import dataclasses
import functools
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from resnet_jax.data.images import IMAGE_KEYS
from resnet_jax.data.progressive import Progressive
from resnet_jax.data.reader import Reader, one_row
from resnet_jax.data.transforms import apply_transforms

Batch = dict[str, np.ndarray]

_ORDER, _AUGMENT = 0, 1  # what a random generator is for
_PURPOSES = 2
_THREADS = 4  # image decoding releases Python's lock
_AHEAD = 2  # batches made before they are asked for
FOREVER = 2**40


@dataclasses.dataclass(frozen=True)
class TrainBatches:
    """The endless sequence of training batches, or one process's rows of them.

    Every epoch is another permutation, each example of it taken `repeats` times in a
    row; what it leaves after as many batches as without repeats is dropped.
    Batch k, its order and its random numbers depend on (seed, attempt, k) alone, and
    are drawn for all processes' rows, so that no number of processes changes them.

    Attributes:
        reader: reads the examples.
        size: examples per global batch.
        like: a batch of one row, with the expected shapes and dtypes.
        rows: this process's rows of the global batch.
        seed, attempt: from 0.
        stream: tells apart the domains of a run, 0 or 1.
        repeats: how often an example follows itself.
        progressive: how the images grow, None where they do not.
    """

    reader: Reader
    size: int
    like: Batch
    rows: slice
    seed: int
    attempt: int
    repeats: int = 1
    progressive: Progressive | None = None
    stream: int = 0

    def indices(self, k: int) -> np.ndarray:
        """The indices of this process's examples in batch k."""
        examples = len(self.reader.source)
        epoch, position = divmod(k, examples // self.size)
        words = self.seed, self.attempt, _ORDER + _PURPOSES * self.stream, epoch
        order = _permutation(words, examples)
        places = np.arange(position * self.size, (position + 1) * self.size)
        return order[places[self.rows] // self.repeats]

    def replaced(self, k: int, batch: Batch) -> int:
        """How many bad examples were replaced in batch k."""
        return int((batch["index"] != self.indices(k)).sum())

    def __getitem__(self, k: int) -> Batch:
        purpose = _AUGMENT + _PURPOSES * self.stream
        generator = _generator(self.seed, self.attempt, purpose, k)
        u = generator.random((self.size, self.reader.draws))[self.rows]
        reader, like = self.reader, self.like
        if self.progressive:
            size = self.progressive.size(k)
            images = {
                key: np.zeros((1, size, size, like[key].shape[-1]), like[key].dtype)
                for key in IMAGE_KEYS & like.keys()
            }
            reader, like = reader.cropping(size), {**like, **images}
        return reader.read(self.indices(k), u, like)[0]


def side_by_side(a: Batch, b: Batch) -> Batch:
    """One batch of those of two domains; the numbers of b's examples are index_b."""
    return {**a, **b, "index": a["index"], "index_b": b["index"]}


@dataclasses.dataclass(frozen=True)
class TwoDomains:
    """TrainBatches of two domains side by side, each in its own order and epochs."""

    a: TrainBatches
    b: TrainBatches

    def replaced(self, k: int, batch: Batch) -> int:
        """How many bad examples were replaced in batch k."""
        b = {"index": batch["index_b"]}
        return self.a.replaced(k, batch) + self.b.replaced(k, b)

    def __getitem__(self, k: int) -> Batch:
        return side_by_side(self.a[k], self.b[k])


@dataclasses.dataclass(frozen=True)
class EvalBatches:
    """Every example once, in order; the last batch is filled up, mask False.

    Attributes:
        reader, size, like, rows: as in TrainBatches.
    """

    reader: Reader
    size: int
    like: Batch
    rows: slice

    def __len__(self) -> int:
        return -(-len(self.reader.source) // self.size)

    def blank(self) -> Batch:
        """A batch of zeros."""
        rows = {
            k: np.zeros_like(v, shape=(self.size, *v.shape[1:]))
            for k, v in self.like.items()
        }
        return {**rows, "mask": np.zeros(self.size, bool)}

    def __getitem__(self, k: int) -> Batch:
        rows = np.arange(k * self.size, (k + 1) * self.size)[self.rows]
        indices = rows[rows < len(self.reader.source)]
        u = np.zeros((len(indices), self.reader.draws))
        batch, good = self.reader.read(indices, u, self.like)
        batch["mask"] = good
        if missing := len(rows) - len(indices):
            fill = {"label": -1, "index": -1}
            for key, value in batch.items():
                padding = np.full_like(
                    value, fill.get(key, 0), shape=(missing, *value.shape[1:])
                )
                batch[key] = np.concatenate([value, padding])
        return batch


@dataclasses.dataclass(frozen=True)
class EvalImages:
    """Every image once, in order: a batch each, of the image's own size.

    Attributes:
        reader: of images of different sizes.
        like: a batch of one row, that of a bad image (zeros, mask False).
    """

    reader: Reader
    like: Batch

    def __len__(self) -> int:
        return len(self.reader.source)

    def __getitem__(self, k: int) -> Batch:
        found = self.reader.find(k, np.zeros(self.reader.draws))
        if found is not None:
            return {**one_row(found), "mask": np.ones(1, bool)}
        blank = {key: np.zeros_like(value) for key, value in self.like.items()}
        return blank | {"index": np.array([k], np.int32), "mask": np.zeros(1, bool)}

    def blank(self) -> Batch:
        """A batch of zeros, in the smallest size that the images come out in."""
        batch = {key: np.zeros_like(value) for key, value in self.like.items()}
        smallest = min(sorted(self.reader.source.sizes()), key=min)
        for key in IMAGE_KEYS & batch.keys():
            scale = getattr(self.reader.source, "scale", 1) if key == "b" else 1
            sides = (scale * side for side in smallest)
            image = np.zeros_like(batch[key], shape=(1, *sides, batch[key].shape[-1]))
            batch[key] = apply_transforms(
                self.reader.transforms, image, np.zeros((1, 0))
            )
        return {**batch, "mask": np.zeros(1, bool)}


def prefetched(
    make: Callable[[int], Batch], start: int, stop: int
) -> Generator[Batch, None, None]:
    """make(start), ..., make(stop - 1), made by a thread a little ahead of time.

    An error is raised where its batch is due; closing the iterator ends the thread.
    """
    pending: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(1, "batches") as pool:
        try:
            for k in range(start, stop):
                pending.append(pool.submit(make, k))
                if len(pending) > _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def read_ahead(
    make: Callable[[int], Batch], start: int, stop: int = FOREVER, workers: int = 0
) -> Generator[Batch, None, None]:
    """As prefetched, with Grain's threads, or its worker processes where given.

    The batches are the same for any number of workers.
    """
    import grain
    from absl import flags

    if workers and not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # Grain reads its flags when it starts workers
    options = grain.ReadOptions(
        num_threads=1 if workers else _THREADS,
        prefetch_buffer_size=_AHEAD if workers else _THREADS,
    )
    numbers = grain.MapDataset.range(start, stop)
    batches = numbers.map(make).to_iter_dataset(options)
    if workers:
        batches = batches.mp_prefetch(
            grain.MultiprocessingOptions(
                num_workers=workers, per_worker_buffer_size=_AHEAD
            )
        )
    iterator = iter(batches)
    try:
        yield from iterator
    finally:
        iterator.close()


def _generator(*words: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))


@functools.lru_cache(maxsize=4)
def _permutation(words: tuple[int, ...], size: int) -> np.ndarray:
    order = _generator(*words).permutation(size)
    order.flags.writeable = False
    return order
