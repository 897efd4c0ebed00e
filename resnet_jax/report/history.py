"""metrics.jsonl: every number of a run, one JSON object a line."""

import json
import math
from collections.abc import Mapping
from typing import Any

from etils import epath

from resnet_jax.files import Lines, is_local, strict


class History:
    """The metrics of a run, in the order they were measured.

    Args:
        path: of metrics.jsonl, on a disk or in an object store.
        mirror: a folder where TensorBoard finds the same numbers, or None.
    """

    def __init__(self, path: epath.PathLike, mirror: epath.PathLike | None = None):
        self._lines = Lines(path)
        self._folder = mirror
        self._mirror: Any = None

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """Adds one row: {"step": 100, "train/loss": 0.25}; nan is stored as null."""
        row = {"step": int(step)} | {name: float(v) for name, v in values.items()}
        self._lines.append(json.dumps(strict(row), allow_nan=False))
        if self._mirror is not None:
            for name, value in row.items():
                if name != "step" and math.isfinite(value):
                    self._mirror.add_scalar(name, value, int(step))

    def flush(self) -> None:
        """Makes all rows durable: to be called with every checkpoint."""
        self._lines.flush()
        if self._mirror is not None:
            self._mirror.flush()

    def close(self) -> None:
        """Flushes, and closes the mirror."""
        self.flush()
        if self._mirror is not None:
            self._mirror.close()

    def rows(self) -> list[dict[str, float]]:
        """The stored rows; null reads as nan, a damaged line is passed over."""
        return [row for row in map(_parse, self._lines.read()) if row is not None]

    def truncate_after(self, step: int) -> None:
        """Drops the rows beyond a restored step, and what a kill left half written.

        Every run starts with it: a new one after step 0.
        """
        lines = self._lines.read()
        kept = [line for line in lines if (row := _parse(line)) and row["step"] <= step]
        if kept != lines or self._lines.tail():
            self._lines.replace(kept)
        if self._mirror is not None:
            self._mirror.close()
        if self._folder is not None:
            self._mirror = open_tensorboard(self._folder, step)


def _parse(line: str) -> dict[str, float] | None:
    try:
        row = {
            k: math.nan if v is None else float(v) for k, v in json.loads(line).items()
        }
        return row | {"step": int(row["step"])}
    except (ValueError, AttributeError, TypeError, KeyError):
        return None


def open_tensorboard(folder: epath.PathLike, step: int) -> Any:
    """A TensorBoard writer; None without tensorboardX or outside a file system."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return None
    if not is_local(folder):
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
