"""The folder that a run is written to."""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping

import jax
from etils import epath

from resnet_jax import config as configs
from resnet_jax.files import is_local
from resnet_jax.run import saved_config

SHOWN = 5
LOCK = "lock"


def choose_workdir(workdir: str, name: str, config: Mapping, allow: bool) -> epath.Path:
    """The folder to write to; refuses one that holds something else.

    Raises:
        ValueError: a named workdir holds another experiment, or other files.
    """
    if workdir:
        folder = epath.Path(workdir).expanduser()
        check_workdir(folder, config, allow)
        return folder
    number = 1
    while True:
        folder = epath.Path(f"runs/{name}" if number == 1 else f"runs/{name}-{number}")
        if not folder.exists() or _goes_on(folder, config):
            return folder
        number += 1


def _goes_on(folder: epath.Path, config: Mapping) -> bool:
    saved = saved_config(folder) if folder.is_dir() else None
    return saved is not None and not configs.differences(saved, config)


def check_workdir(folder: epath.Path, config: Mapping, allow: bool) -> None:
    """Raises ValueError unless the folder is new, empty, or holds this experiment."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"workdir '{folder}' is a file; name a folder.")
    saved = saved_config(folder)
    if saved is None:
        # With a lock it is a run that ended before it wrote anything else.
        if any(folder.iterdir()) and not (folder / LOCK).exists():
            raise ValueError(
                f"workdir '{folder}' is not empty and holds no run; name a new folder."
            )
        return
    changes = configs.differences(saved, config)
    if changes and not allow:
        shown = "; ".join(
            f"{field} is {old!r} there and {new!r} here"
            for field, (old, new) in list(changes.items())[:SHOWN]
        )
        more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        raise ValueError(
            f"workdir '{folder}' holds another experiment: {shown}{more}. Use another "
            "workdir, or --allow-changes to go on with the new values."
        )


@contextlib.contextmanager
def locked(folder: epath.Path) -> Iterator[None]:
    """Makes the folder, and keeps a second process from training in it.

    Raises:
        ValueError: it cannot be written to, or a process is training there already.
    """
    lock = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.write_text("")
    except OSError as error:
        raise ValueError(
            f"cannot write to workdir '{folder}' ({error.strerror}); name another with "
            "--workdir."
        ) from error
    if not is_local(folder) or jax.process_index() > 0:
        yield
        return
    with open(lock, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                f"another process is training in '{folder}'; wait for it, or name "
                "another --workdir."
            ) from error
        yield
