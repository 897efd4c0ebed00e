"""Evaluations that say how far they are."""

import functools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax

from resnet_jax.data import Evaluations
from resnet_jax.data.batches import Batch
from resnet_jax.report.console import (
    SECONDS_BETWEEN_LINES,
    SECONDS_OF_SILENCE,
    Console,
)

Item = TypeVar("Item")


class Watched:
    """Data whose evaluations show examples, rate and time left on standard error.

    Nothing is shown of what takes less than five seconds, in a log less than a minute.
    """

    def __init__(self, data: Evaluations, said: str = ""):
        """Takes the data, and what is being evaluated."""
        self.train = data.train
        self.evals: dict[str, Callable[[], Iterator[Batch]]] = {
            name: functools.partial(
                watch, batches, len(data.readers[name].source), said or name
            )
            for name, batches in data.evals.items()
        }


def examples(batch: Any) -> int:
    """How many a batch of all processes has."""
    return len(batch["index"]) * jax.process_count()


def watch(
    batches: Callable[[], Iterator[Item]],
    total: int,
    name: str,
    count: Callable[[Item], int] = examples,
) -> Iterator[Item]:
    """The batches of one evaluation, `count` of `total` images each."""
    with Meter(total, f"{name}: image") as meter:
        for batch in batches():
            yield batch
            meter.reach(min(meter.done + count(batch), total), rate=True)


class Meter:
    """Shows on standard error how much of something is done, and the time left.

    Nothing is shown of what takes less than five seconds, in a log less than a minute.
    It is a context, and silent but in the first process.
    """

    def __init__(self, total: int, unit: str):
        """Takes how much there is, and of what."""
        self.total, self.unit, self.done = total, unit, 0
        self._begin = time.monotonic()
        live = sys.stderr.isatty()
        self._silence = SECONDS_OF_SILENCE if live else SECONDS_BETWEEN_LINES
        first = jax.process_index() == 0
        self._console = Console(stream=sys.stderr) if first else None

    def __enter__(self) -> "Meter":
        return self

    def __exit__(self, *error: object) -> None:
        if self._console:
            self._console.close()

    def reach(self, done: int, rate: bool = False) -> None:
        """Takes how much is done, and whether images per second are of interest."""
        self.done, seconds = done, time.monotonic() - self._begin
        if self._console and seconds > self._silence:
            pace = done / seconds if rate else None
            self._console.progress(done, self.total, {}, pace, self.unit)
