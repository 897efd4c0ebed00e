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
    if jax.process_index() > 0:
        yield from batches()
        return
    console, begin = Console(stream=sys.stderr), time.monotonic()
    live = sys.stderr.isatty()
    silence = SECONDS_OF_SILENCE if live else SECONDS_BETWEEN_LINES
    try:
        read = 0
        for batch in batches():
            yield batch
            read += count(batch)
            seconds, seen = time.monotonic() - begin, min(read, total)
            if seconds > silence:
                console.progress(seen, total, {}, seen / seconds, f"{name}: image")
    finally:
        console.close()
