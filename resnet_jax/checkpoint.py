"""Checkpoints on disk: saved in the background, checked when they are read."""

import dataclasses
import functools
import gc
import hashlib
import json
import logging
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from jax.sharding import Sharding
from orbax.checkpoint import v1 as ocp

from resnet_jax.files import CHECKPOINTS, is_local
from resnet_jax.lookup import few
from resnet_jax.state import TrainState

FORMAT = 1
# What Orbax calls its files.
COMMITTED, UNFINISHED = "commit_success.txt", "*.orbax-checkpoint-tmp"


class DamagedError(Exception):
    """A checkpoint that cannot be read, or does not hold what was saved."""


class SaveError(Exception):
    """A checkpoint that could not be written; the ones before it are untouched."""


class Checkpoints:
    """The checkpoints of one run, each named by the step of its state.

    A checkpoint holds the state without `frozen`; the run's description (config, data
    spec, versions), with its own hash; and shape, dtype and digest of every leaf.
    Only arrays and JSON are read, never code.
    """

    def __init__(
        self,
        workdir: epath.PathLike,
        *,
        keep: int = 2,
        best: str = "max",
        read_only: bool = False,
    ):
        """Opens the run's checkpoints.

        Args:
            workdir: the run folder, on a local disk or any path epath takes.
            keep: how many of the newest to keep, beside the one of the best score.
            best: 'max' or 'min', which score is the best.
            read_only: nothing is created or cleaned up.
        """
        self.folder = epath.Path(workdir) / CHECKPOINTS
        self._keep, self._sign = keep, 1.0 if best == "max" else -1.0
        self._scores: dict[int, float | None] = {}
        self._step, self._under_way = 0, None
        self._failed: SaveError | None = None
        self._context = ocp.Context()
        # Otherwise, where a folder cannot be made, threads wait for it and block exit.
        self._context.asynchronous.create_directories_asynchronously = False
        if not read_only:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._delete(self._unfinished())

    def steps(self) -> list[int]:
        """The steps that are there, newest first, good or not."""
        # An object store cannot rename: a save under way has its final name there.
        mark = "" if is_local(self.folder) else COMMITTED
        found = self.folder.glob("*") if self.folder.exists() else ()
        steps = (p.name for p in found if p.name.isdecimal() and (p / mark).exists())
        return sorted(map(int, steps), reverse=True)

    def best_step(self) -> int | None:
        """The step of the best score, None where none was saved with a score."""
        scores = {step: self._score(step) for step in self.steps()}
        scored = {s: self._sign * x for s, x in scores.items() if x is not None}
        return max(scored, key=lambda step: scored[step], default=None)

    def _score(self, step: int) -> float | None:
        if step not in self._scores:
            try:
                self._scores[step] = self.describe(step)["score"]
            except DamagedError:
                self._scores[step] = None
        return self._scores[step]

    def save(
        self, state: TrainState, description: Mapping, score: float | None = None
    ) -> None:
        """Saves in the background.

        Args:
            state: its step names the checkpoint.
            description: JSON values, given back by `describe`.
            score: of the evaluation at this step, where there was one.

        Raises:
            SaveError: this save, or the one before it, failed. This one is tried
                even where the one before it has failed.
        """
        state = dataclasses.replace(state, frozen=None)
        step = int(state.step)
        leaves = describe_leaves(state, digest=True)
        score = score if score is None or np.isfinite(score) else None
        own = {"format": FORMAT, "score": score, "leaves": leaves}
        text = json.dumps({**description, **own})
        earlier = self._finish()
        self._delete(self._unfinished())
        self._step, self._scores[step] = step, score
        with self._context:
            self._under_way, reason = _attempt(
                lambda: ocp.save_checkpointables_async(
                    self.folder / str(step),
                    {"state": state},
                    custom_metadata={"text": text, "sha256": _sha256(text)},
                )
            )
        self._failed = self._failure(reason)
        if failure := self._failed or earlier:
            raise failure

    def wait(self) -> None:
        """Returns when all is on disk.

        Raises:
            SaveError: the last save failed.
        """
        if failure := self._finish() or self._failed:
            raise failure

    def close(self) -> None:
        """Waits, whether the last save fails or not."""
        self._finish()

    def _finish(self) -> SaveError | None:
        """Waits for the save under way; says whether it failed, and tidies up."""
        if self._under_way is None:
            return None
        _, reason = _attempt(self._under_way.result)
        self._under_way = None
        self._failed = self._failure(reason)
        best = self.best_step()
        old = [step for step in self.steps()[self._keep :] if step != best]
        self._delete([self.folder / str(step) for step in old])
        return self._failed

    def _failure(self, reason: str) -> SaveError | None:
        if not reason:
            return None
        return SaveError(
            f"checkpoint {self._step} could not be written to {self.folder} "
            f"({reason}); what was saved before it is untouched."
        )

    def _unfinished(self) -> list[epath.Path]:
        return list(self.folder.glob(UNFINISHED))

    def _delete(self, folders: list[epath.Path]) -> None:
        if jax.process_index() == 0:
            for folder in folders:
                _attempt(folder.rmtree)  # What cannot be deleted now is tried again.

    def describe(self, step: int) -> dict:
        """The description saved with a step.

        Raises:
            DamagedError: it is missing or was changed.
        """
        path = self.folder / str(step)
        found, _ = _attempt(lambda: ocp.checkpointables_metadata(path))
        stored = found and found.custom_metadata
        if not stored:
            raise DamagedError("its description is unreadable")
        text = str(stored.get("text"))
        if _sha256(text) != stored.get("sha256"):
            raise DamagedError("its description was changed")
        description = json.loads(text)
        if description["format"] > FORMAT:
            raise ValueError(
                f"checkpoint {step} has format {description['format']}, newer than "
                f"{FORMAT}; update resnet-jax."
            )
        return description

    def check(self, step: int, like: TrainState) -> dict[str, list]:
        """The leaves saved at a step, by describe_leaves.

        Raises:
            DamagedError: the description is unreadable.
            ValueError: they are not those of `like`; the first few are named.
        """
        leaves = self.describe(step)["leaves"]
        bare = dataclasses.replace(like, frozen=None)
        _check_structure(leaves, describe_leaves(bare), step)
        return leaves

    def restore(
        self, step: int, like: TrainState, sharding: Sharding | TrainState
    ) -> TrainState:
        """The state saved at a step, on this run's devices.

        Args:
            step: one of `steps()`.
            like: a state of the same structure, or its eval_shape; its `frozen` is
                handed on.
            sharding: where the arrays go; one for all, or a state of them, its
                `frozen` None.

        Raises:
            DamagedError: the checkpoint is unreadable or its digests disagree.
            ValueError: it holds other leaves than `like`; the first few are named.
        """
        leaves = self.check(step, like)
        bare = dataclasses.replace(like, frozen=None)
        abstract = jax.tree.map(
            lambda x, place: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place),
            *(bare, jax.tree.broadcast(sharding, bare)),
        )
        path = self.folder / str(step)
        loaded, reason = _attempt(
            lambda: ocp.load_checkpointables(path, {"state": abstract})
        )
        if reason:
            raise DamagedError(f"it cannot be read ({reason})")
        state = loaded["state"]
        found = describe_leaves(state, digest=True)
        if changed := [name for name in leaves if leaves[name] != found.get(name)]:
            raise DamagedError(f"the bytes of {few(changed, 3)} were changed")
        return dataclasses.replace(state, frozen=like.frozen)

    def newest_good(
        self,
        read: Callable[[int], Any],
        warn: Callable[[str], None],
        steps: list[int] | None = None,
    ) -> Any:
        """read(step) of the newest checkpoint that is not damaged.

        Args:
            read: uses `describe` and `restore`.
            warn: is told of each damaged checkpoint passed over.
            steps: which to try, newest first; None for all.

        Returns:
            What read returned, or None where there is no checkpoint at all.

        Raises:
            ValueError: there are checkpoints, and all are damaged.
        """
        if failure := self._finish():
            warn(str(failure))
        steps = self.steps() if steps is None else steps
        for step in steps:
            try:
                return read(step)
            except DamagedError as error:
                warn(f"checkpoint {step} in {self.folder} is damaged: {error}.")
        if steps:
            raise ValueError(
                f"every checkpoint in {self.folder} is damaged; restore one from a "
                "backup, or start again in another workdir."
            )
        return None

    def set_aside(self, newer_than: int) -> None:
        """Moves the (damaged) checkpoints after a step to '<workdir>/damaged'."""
        newer = [step for step in self.steps() if step > newer_than]
        if newer and jax.process_index() == 0:
            aside = self.folder.parent / "damaged"
            aside.mkdir(parents=True, exist_ok=True)
            for step in newer:
                target = aside / str(step)
                if target.exists():
                    target.rmtree()
                (self.folder / str(step)).rename(target)


def describe_leaves(state: Any, digest: bool = False) -> dict[str, list]:
    """{path: [shape, dtype, digest...]} of every leaf, in the tree's order."""
    flat, _ = jax.tree_util.tree_flatten_with_path(state)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in flat]
    arrays = [leaf for _, leaf in flat]
    digests = jax.device_get(_digests(arrays)) if digest else [()] * len(arrays)
    return {
        name: [list(x.shape), str(x.dtype), *(int(word) for word in words)]
        for name, x, words in zip(names, arrays, digests, strict=True)
    }


@jax.jit
def _digests(arrays: list[jax.Array]) -> list[jax.Array]:
    return [leaf_digest(x) for x in arrays]


def leaf_digest(x: jax.Array) -> jax.Array:
    """Two uint32 sums of an array's bits, computed where the array lies.

    Wrap-around sums of words times odd weights: they are the same on any mesh, any
    single changed word changes both, and words that trade places change the second.
    """
    size = min(x.dtype.itemsize, 4)
    if x.dtype == jnp.bool_:
        x = x.astype(jnp.uint8)
    words = jax.lax.bitcast_convert_type(x, f"uint{8 * size}")
    words = words.astype(jnp.uint32)
    # Made axis by axis: flattening an array that is split would gather it.
    position = jnp.zeros(words.shape, jnp.uint32)
    for axis, length in enumerate(words.shape):
        index = jax.lax.broadcasted_iota(jnp.uint32, words.shape, axis)
        position = position * jnp.uint32(length) + index
    # Multiplicative hashing of the position (Knuth, TAOCP 3, section 6.4).
    mixed = (position ^ (position >> 16)) * jnp.uint32(2654435769)
    mixed = (mixed ^ (mixed >> 15)) * jnp.uint32(2246822519)
    weights = 2 * position + 1, mixed | 1
    return jnp.stack([(each * words).sum(dtype=jnp.uint32) for each in weights])


def _attempt(action: Callable[[], Any]) -> tuple[Any, str]:
    """What action() returns, or why it failed in a few words.

    Orbax abandons its other reads then, and each of them would print a traceback.
    """
    _ignore_late_reads()
    loggers = [logging.getLogger(name) for name in ("asyncio", "absl")]
    levels = [logger.level for logger in loggers]
    hook = sys.unraisablehook
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    sys.unraisablehook = lambda unraisable: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                return action(), ""
            except Exception as error:
                reason = _reason(error)
            gc.collect()
            return None, reason
    finally:
        sys.unraisablehook = hook
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@functools.cache
def _ignore_late_reads() -> None:
    """Some of the abandoned end only after the failure was dealt with."""
    hook = sys.unraisablehook

    def ignore(unraisable):
        if str(unraisable.exc_value) != "Event loop is closed":
            hook(unraisable)

    sys.unraisablehook = ignore


def _check_structure(saved: Mapping, wanted: Mapping, step: int) -> None:
    def shape(leaves, name):
        return (
            "nothing" if name not in leaves else f"{leaves[name][1]}{leaves[name][0]}"
        )

    names = [*wanted, *(name for name in saved if name not in wanted)]
    other = [name for name in names if shape(saved, name) != shape(wanted, name)]
    if other:
        shown = "; ".join(
            f"{name} is {shape(saved, name)} there, {shape(wanted, name)} here"
            for name in other[:3]
        )
        raise ValueError(
            f"checkpoint {step} is of another network ({len(other)} leaves differ: "
            f"{shown}); use its own config, or another workdir."
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _reason(error: BaseException) -> str:
    """What really went wrong, in a few words, under the layers of wrapping."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # TensorStore says what it was doing, ever closer, and then how it was set up.
    text = re.sub(r" \[\w+(\[\d+\])?='.*", "", lines[0])
    return ": ".join(text.split(": ")[-2:])[:160]
