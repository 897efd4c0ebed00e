"""What a run says while it works: a live line, or plain lines for a log."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TextIO

from etils import epath

from resnet_jax.files import Lines
from resnet_jax.report.live_line import open_line
from resnet_jax.report.text import duration, number, plain

SECONDS_BETWEEN_LINES = 60.0
SECONDS_OF_SILENCE = 5.0


class Console:
    """Speaks to the person who started a run.

    Args:
        interactive: whether a line can be written over; None asks the stream.
        quiet: say nothing but warnings and the last line.
        stream: where to write; None is the standard output.
        log_path: a text file that gets every line too, or None.
    """

    def __init__(
        self,
        interactive: bool | None = None,
        quiet: bool = False,
        stream: TextIO | None = None,
        log_path: epath.PathLike | None = None,
    ):
        self._stream = sys.stdout if stream is None else stream
        if interactive is None:
            interactive = _is_interactive(self._stream)
        self._line = open_line(self._stream, interactive and not quiet)
        self._quiet = quiet
        self._log = Lines(log_path) if log_path is not None else None
        self._lock = threading.RLock()
        self._begun: tuple[float, int] | None = None
        self._printed = -float("inf")
        self._newest = ""

    def banner(self, facts: Mapping[str, str]) -> None:
        """Says what is about to run: one line per fact."""
        width = max(map(len, facts), default=0)
        for name, fact in facts.items():
            self._write(f"{name:<{width}}  {fact}")

    def say(self, text: str) -> None:
        """Says one thing; further lines are indented, so that no name forges one."""
        self._write(text)

    def warn(self, text: str) -> None:
        """Says what must not be overlooked, quiet or not."""
        self._write(f"WARNING: {text}", style="bold yellow", always=True)

    def last(self, text: str) -> None:
        """Ends the live line and says the last thing, quiet or not."""
        self.close()
        self._write(text, style="bold", always=True)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Says how long something took: 'compiling train step … 41.2 s'.

        A terminal shows it from the start; a log hears of it after five seconds.
        """
        begin = time.monotonic()
        early = threading.Timer(SECONDS_OF_SILENCE, self._write, [f"{name} …"])
        early.daemon = True
        if self._line is None:
            early.start()
        else:
            since = lambda: duration(time.monotonic() - begin)  # noqa: E731
            self._line.show(lambda: f"{plain(name)} … {since()}")
        try:
            yield
        except BaseException:
            self._stop_line()
            raise
        finally:
            early.cancel()
        self._stop_line()
        self._write(f"{name} … {duration(time.monotonic() - begin)}")
        if self._line is not None and self._newest:
            self._line.show(lambda: plain(self._newest))

    def progress(
        self,
        step: int,
        total: int,
        values: Mapping[str, float],
        images_per_second: float | None = None,
        unit: str = "step",
    ) -> None:
        """Shows how far the run is: live, or as a line a minute, first and last too."""
        now = time.monotonic()
        self._begun = self._begun or (now, step)
        parts = [f"{unit} {step:,}/{total:,}", f"{100 * step / max(total, 1):.0f} %"]
        if images_per_second:
            parts.append(f"{images_per_second:,.0f} images/s")
        parts += [f"{name} {number(value)}" for name, value in values.items()]
        if self._begun[1] < step < total:
            pace = (now - self._begun[0]) / (step - self._begun[1])
            parts.append(f"{duration(pace * (total - step))} left")
        text = "  ".join(parts)
        live = self._line is not None and step < total
        if self._line is not None and live:
            self._line.show(lambda: plain(text))
        self._newest = text
        if step < total and now - self._printed < SECONDS_BETWEEN_LINES:
            return
        self._printed = now
        if not live:
            self._newest = ""
            self._stop_line()
        self._write(text, log_only=live)

    def flush(self) -> None:
        """Makes the log durable."""
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        """Ends the live line; the newest progress stays readable."""
        self._stop_line()
        if self._newest:
            self._write(self._newest)
            self._newest = ""

    def _stop_line(self) -> None:
        if self._line is not None:
            self._line.stop()

    def _write(
        self, text: str, style: str = "", always: bool = False, log_only: bool = False
    ) -> None:
        text = plain(text).replace("\n", "\n  ")
        with self._lock:
            if self._log is not None:
                self._log.append(text)
            if log_only or (self._quiet and not always):
                return
            if self._line is not None:
                self._line.print(text, style)
                return
            encoding = getattr(self._stream, "encoding", None) or "utf-8"
            line = text.encode(encoding, "replace").decode(encoding)
            # A closed pipe or a lost connection must not end the run.
            with contextlib.suppress(OSError):
                self._stream.write(line + "\n")
                self._stream.flush()


def _is_interactive(stream: TextIO) -> bool:
    if "ipykernel" in sys.modules and stream is sys.stdout:
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
