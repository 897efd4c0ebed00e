"""What a run tells people: its console, its numbers, its pictures and one page."""

import contextlib
import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath
from PIL import Image

from resnet_jax.figures import Figure
from resnet_jax.files import absolute, read_json, write_json
from resnet_jax.report import environment
from resnet_jax.report.console import Console
from resnet_jax.report.environment import unused_accelerator, without_home
from resnet_jax.report.exhibit import save_exhibit
from resnet_jax.report.history import History
from resnet_jax.report.page import write_page
from resnet_jax.report.pictures import grid, save_png, stack, strip
from resnet_jax.report.text import number

__all__ = ["Report", "grid", "stack", "strip", "unused_accelerator", "write_page"]

SPEED = "time/images_per_second"


class Report:
    """Everything a run tells, written to its folder while it works.

    Args:
        workdir: the run folder, on a disk or in an object store.
        config: what the run was asked to do.
        title: the run's name on the page.
        total_steps: steps of the whole run.
        quiet: say nothing but warnings and where the page is.
        tensorboard: mirror the numbers in tb/ where tensorboardX is installed.
        enabled: False on all processes but the first: every method does nothing.
    """

    def __init__(
        self,
        workdir: epath.PathLike,
        *,
        config: Mapping[str, Any],
        title: str,
        total_steps: int,
        quiet: bool = False,
        tensorboard: bool = True,
        enabled: bool = True,
    ):
        self.enabled, self.total_steps = enabled, total_steps
        self._in_trouble = False
        self._tracing = False
        self.workdir = absolute(workdir)
        if not enabled:
            return
        self.workdir.mkdir(parents=True, exist_ok=True)
        self._console = Console(quiet=quiet, log_path=self.workdir / "log.txt")
        mirror = self.workdir / "tb" if tensorboard else None
        self._history = History(self.workdir / "metrics.jsonl", mirror)
        self._timings = read_json(self.workdir / "timings.json", {})
        self._starts = read_json(self.workdir / "environment.json", [])
        started = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        about = {"title": title, "started": started, "total_steps": total_steps}
        self._starts.append(about | environment.environment())
        write_json(self.workdir / "environment.json", self._starts)
        if config:
            write_json(self.workdir / "config.json", config)

    def banner(self, facts: Mapping[str, str]) -> None:
        """Says what is about to run, and keeps it for the page."""
        if self.enabled:
            self._console.banner(facts)
            self._starts[-1]["facts"] = {
                name: without_home(str(fact)) for name, fact in facts.items()
            }
            write_json(self.workdir / "environment.json", self._starts)

    def rewind(self, step: int) -> None:
        """Goes on from a step: drops the numbers of later ones, notes where it was.

        A new run rewinds to 0.
        """
        if self.enabled:
            self._history.truncate_after(step)
            self._starts[-1].setdefault("resumed_from", step or None)
            write_json(self.workdir / "environment.json", self._starts)

    def say(self, text: str) -> None:
        """Says one thing."""
        if self.enabled:
            self._console.say(text)

    def warn(self, text: str) -> None:
        """Says what must not be overlooked."""
        if self.enabled:
            self._console.warn(text)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Says how long something took, and adds it up for the page."""
        if not self.enabled:
            yield
            return
        begin = time.monotonic()
        with self._console.phase(name):
            yield
        past = self._timings.get(name, {"count": 0, "seconds": 0.0})
        seconds = past["seconds"] + time.monotonic() - begin
        self._timings[name] = {"count": past["count"] + 1, "seconds": seconds}

    def log(self, step: int, values: Mapping[str, Any], progress: bool = True) -> None:
        """Records numbers: 'train/loss', 'test/accuracy', 'time/images_per_second'.

        Args:
            step: completed steps.
            values: scalars by name.
            progress: move the progress line; False says the numbers in a line of their
                own, as for an evaluation.
        """
        if not self.enabled:
            return
        numbers = {name: float(value) for name, value in values.items()}
        self._history.append(step, numbers)
        if not progress:
            said = "  ".join(f"{name} {number(v)}" for name, v in numbers.items())
            self._console.say(f"step {step:,}  {said}")
            return
        shown = {
            name.removeprefix("train/").replace("_", " "): value
            for name, value in numbers.items()
            if not name.startswith("time/")
        }
        self._console.progress(step, self.total_steps, shown, numbers.get(SPEED))

    def figures(
        self,
        step: int,
        figures: Mapping[str, Figure],
        pictures: Mapping[str, Sequence[np.ndarray]] | None = None,
    ) -> None:
        """Keeps figures for the page; each replaces the last one of its name.

        Args:
            step: completed steps.
            figures: by name ('confusion').
            pictures: the images of each Gallery, in the order of its captions.
        """
        if self.enabled:
            with self._going_on():
                for name, figure in figures.items():
                    images = (pictures or {}).get(name, ())
                    save_exhibit(self.workdir / "figures", name, step, figure, images)

    def samples(self, step: int, image: Image.Image) -> None:
        """Keeps a grid of outputs as samples/<step>.png."""
        if self.enabled:
            with self._going_on():
                save_png(self.workdir / "samples" / f"{step:08d}.png", image)

    def reals(self, image: Image.Image) -> None:
        """Keeps a grid of what outputs are compared with as samples/reals.png."""
        if self.enabled:
            with self._going_on():
                save_png(self.workdir / "samples" / "reals.png", image)

    def inputs(self, image: Image.Image) -> None:
        """Keeps a grid of what the network saw as inputs.png."""
        if self.enabled:
            with self._going_on():
                save_png(self.workdir / "inputs.png", image)

    def trace(self, profile: tuple[int, int], step: int) -> None:
        """Traces steps first to last, where (first, last) is not (0, 0).

        Called with the completed steps before each step; every process writes its own
        trace to profile/.
        """
        first, last = profile
        if last and step == first - 1 and not self._tracing:
            jax.profiler.start_trace(str(self.workdir / "profile"))
            self._tracing = True
        if step == last:
            self._stop_trace()

    def _stop_trace(self) -> None:
        if self._tracing:
            jax.profiler.stop_trace()
            self._tracing = False
            self.say(f"trace: {self.workdir / 'profile'}")

    def flush(self) -> None:
        """Makes log, numbers and timings durable: to be called with every save."""
        if self.enabled:
            with self._going_on():
                self._history.flush()
                self._console.flush()
                write_json(self.workdir / "timings.json", self._timings)

    def close(self, final: str = "") -> None:
        """Writes the page; says a last word and, after it, where the page is."""
        self._stop_trace()
        if not self.enabled:
            return
        self._console.close()
        if final:
            self._console.say(final)
        with self._going_on():
            self._history.close()
            write_json(self.workdir / "timings.json", self._timings)
            page = write_page(self.workdir)
            self._console.last(f"report: {page}")
            self._console.flush()

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        """A report that cannot be written does not end a run: it is said once."""
        try:
            yield
        except OSError as error:
            if not self._in_trouble:
                self._in_trouble = True
                reason = error.strerror or error
                self.warn(f"the report cannot be written ({reason}); the run goes on.")
