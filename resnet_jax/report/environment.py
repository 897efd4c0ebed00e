"""Where and how a run was started; what others need to reproduce it, no secrets."""

import glob
import importlib.metadata
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys
from typing import Any

import jax

import resnet_jax

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")
_SECRET = re.compile(r"(?i)token|secret|passw|credential|api[_-]?key")


def environment() -> dict[str, Any]:
    """Versions, devices, commit and command line of this process.

    No environment variables; the home folder reads '~', values of options that are
    named like a secret read 'HIDDEN'.
    """
    devices = jax.devices()
    return {
        "command": command_line(),
        "versions": {
            "resnet_jax": resnet_jax.__version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
        "commit": _commit(),
        "system": f"{platform.system()} {platform.machine()}",
        "platform": devices[0].platform,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "processes": jax.process_count(),
        "cpus": os.cpu_count(),
    }


def command_line(arguments: list[str] | None = None) -> str:
    """The command as it could be typed again."""
    first, *others = sys.argv if arguments is None else arguments
    name = os.path.basename(first)
    words = ["python", "-m", "resnet_jax"] if name == "__main__.py" else [name]
    for before, word in zip(["", *others], others, strict=False):
        option, equals, _ = word.partition("=")
        if equals and _SECRET.search(option):
            word = f"{option}=HIDDEN"
        elif before.startswith("-") and "=" not in before and _SECRET.search(before):
            word = "HIDDEN"
        words.append(word)
    return without_home(shlex.join(words))


def without_home(text: str) -> str:
    """The text with the home folder as '~'."""
    home = os.path.expanduser("~")
    return re.sub(re.escape(home) + r"(?![\w.-])", "~", text) if len(home) > 1 else text


def unused_accelerator(device_files: str = "/dev") -> str | None:
    """A sentence for whoever trains on the CPU beside an idle accelerator, or None.

    Silent where the CPU was asked for (JAX_PLATFORMS=cpu).
    """
    if jax.default_backend() != "cpu" or _chosen_platforms() == "cpu":
        return None
    for name, extra, patterns in (
        ("An NVIDIA GPU", "cuda", ["nvidia[0-9]*"]),
        ("A TPU", "tpu", ["accel[0-9]*", "vfio/[0-9]*"]),
    ):
        if any(glob.glob(os.path.join(device_files, pattern)) for pattern in patterns):
            return (
                f"{name} is visible here but JAX runs on the CPU. "
                f"Install its plugin: pip install 'resnet-jax[{extra}]'"
            )
    return None


def _chosen_platforms() -> str | None:
    return getattr(jax.config, "jax_platforms", None)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> dict[str, Any] | None:
    root = pathlib.Path(resnet_jax.__file__).parent.parent
    if not (root / ".git").exists():  # installed: a commit found further up is foreign
        return None
    head = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"hash": head, "dirty": changes != ""} if head else None


def _git(root: pathlib.Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
