"""Files and where they lie: never half written, on a disk or in an object store."""

import contextlib
import errno
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np
from etils import epath

CHECKPOINTS = "checkpoints"  # the folder in that of a run


def is_local(path: epath.PathLike) -> bool:
    """Whether the path is on a file system, where files can be appended to."""
    return "://" not in os.fspath(path)


def absolute(path: epath.PathLike) -> epath.Path:
    """The path from the root, '~' opened; that of an object store as it is."""
    path = epath.Path(path)
    return path.expanduser().resolve() if is_local(path) else path


def is_run(path: epath.PathLike) -> bool:
    """Whether a folder, local or in an object store, holds checkpoints of a run."""
    return (absolute(path) / CHECKPOINTS).is_dir()


def cache_folder(name: str) -> pathlib.Path:
    """A folder of this user's for what can be made or fetched again."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "resnet_jax" / name


def write_bytes(path: epath.PathLike, data: bytes) -> None:
    """Replaces a file in one move: a reader sees the old or the new one, whole."""
    path = epath.Path(path)
    if not is_local(path):  # object stores show a file only once it is complete
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return
    with replacing(path) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: epath.PathLike) -> Iterator[IO[bytes]]:
    """A file on a disk that takes the place of `path`, whole, when the block ends.

    Where the block fails, nothing is left of it.
    """
    path = epath.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def strict(value: Any) -> Any:
    """The value as strict JSON knows it: nan becomes null, infinities become text."""
    if isinstance(value, Mapping):
        return {str(k): strict(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [strict(v) for v in value]
    if hasattr(value, "tolist"):  # NumPy and JAX arrays and scalars
        return strict(np.asarray(value).tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def write_json(path: epath.PathLike, value: Any) -> None:
    """Writes strict JSON, in one move."""
    text = json.dumps(strict(value), indent=1, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: epath.PathLike, default: Any) -> Any:
    """What write_json wrote; the default where that is missing or of another type."""
    try:
        value = json.loads(epath.Path(path).read_text())
    except (FileNotFoundError, ValueError):
        return default
    return value if isinstance(value, type(default)) else default


class Lines:
    """A text file that grows by lines.

    On a file system every line is written at once and flush() makes it durable; an
    object store gets the whole file again at each flush().
    """

    def __init__(self, path: epath.PathLike):
        self.path = epath.Path(path)
        self._waiting: list[str] = []

    def append(self, line: str) -> None:
        """Adds one line; on a disk that is full it waits for the next one."""
        self._waiting.append(line)
        if is_local(self.path):
            with contextlib.suppress(OSError):
                self._write()

    def flush(self) -> None:
        """Makes every line so far survive a crash."""
        if not is_local(self.path):
            if self._waiting:
                self.replace([*self.read(), *self._waiting])
        elif self._waiting or self.path.exists():
            self._write(durable=True)

    def _write(self, durable: bool = False) -> None:
        """Writes the lines that wait: all of them or none."""
        data = "".join(line + "\n" for line in self._waiting).encode()
        with open(self.path, "ab", buffering=0) as file:
            end = file.tell()
            if file.write(data) < len(data):
                file.truncate(end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._waiting.clear()
            if durable:
                os.fsync(file.fileno())

    def read(self) -> list[str]:
        """The lines of the file, without those that wait for flush()."""
        if not self.path.exists():
            return []
        return self.path.read_bytes().decode(errors="replace").split("\n")[:-1]

    def tail(self) -> str:
        """What a kill left of a last line; '' where the file ends well."""
        if not self.path.exists():
            return ""
        return self.path.read_bytes().decode(errors="replace").split("\n")[-1]

    def replace(self, lines: list[str]) -> None:
        """Rewrites the file with these lines; what waits for flush() is dropped."""
        write_bytes(self.path, "".join(line + "\n" for line in lines).encode())
        self._waiting.clear()
