"""Noticing that a run is asked to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import jax

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preempted(Exception):
    """The run was asked to stop, and has saved what it can be continued from."""


class Stop:
    """stop(step) -> whether to save and leave before the next step.

    A single process listens for SIGTERM and Ctrl-C itself. Several ask the cluster's
    coordinator, so that all of them stop at the same step.
    """

    def __init__(self):
        self._asked = threading.Event()

    def __call__(self, step: int) -> bool:
        """Whether the run was asked to stop."""
        if jax.process_count() == 1:
            return self._asked.is_set()
        from jax.experimental import multihost_utils

        return multihost_utils.reached_preemption_sync_point(step)

    @contextmanager
    def listening(self) -> Iterator["Stop"]:
        """Takes the first signal as a wish; a second Ctrl-C ends at once."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        signals = SIGNALS if jax.process_count() == 1 else ()
        before = {number: signal.getsignal(number) for number in signals}

        def ask(number, frame):
            self._asked.set()
            signal.signal(signal.SIGINT, signal.default_int_handler)

        for number in signals:
            signal.signal(number, ask)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
