"""The scalars of the steps since the last log point."""

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.plan import Options
from resnet_jax.state import TrainState

# Steps that may be under way on the device while the host prepares the next.
IN_FLIGHT = 4


class NonFiniteError(Exception):
    """A loss, a gradient or a weight is not a number any more."""

    def rolls_back(self, options: Options) -> bool:
        """Whether the run is to go back to its last checkpoint."""
        return options.on_nonfinite == "rollback"


class LostError(Exception):
    """Training leads nowhere any more, as the task says."""

    def rolls_back(self, options: Options) -> bool:
        """Whether the run is to go back to its last checkpoint."""
        return options.on_alarm == "rollback"


def heed(
    task: Any,
    step: int,
    values: Mapping[str, float],
    before: str,
    on_alarm: str,
    warn: Callable[[str], None],
) -> str:
    """Asks the task whether training leads somewhere, and warns or stops.

    Args:
        task: with `alarm`.
        step: completed steps.
        values: what Window.collect gave.
        before: the alarm of the log point before: what goes on is not said again.
        on_alarm: of the plan's options.
        warn: says something.

    Returns:
        The alarm, '' for none.

    Raises:
        LostError: there is one, and on_alarm is not 'warn'.
    """
    named = {name.partition("/")[::2]: value for name, value in values.items()}
    alarm = task.alarm(
        {key: v for (place, key), v in named.items() if place == "train"}
    )
    if alarm and on_alarm != "warn":
        raise LostError(f"at step {step:,} {alarm}")
    if alarm and not before:
        warn(f"at step {step:,} {alarm}")
    return alarm


class Window:
    """Keeps the scalars of steps on the device until they are to be logged."""

    def __init__(self, step: int, batch_size: int):
        """Starts empty after `step` completed steps."""
        self.step, self.batch_size = step, batch_size
        self._pending: list[tuple[int, Mapping[str, jax.Array]]] = []
        self.restart_clock()

    def restart_clock(self) -> None:
        """Leaves what was not training out of the images per second."""
        self._started, self._timed = time.perf_counter(), 0

    def add(self, scalars: Mapping[str, jax.Array], steps: int = 1) -> None:
        """Takes the scalars of one more step, or of several, without waiting for them.

        Args:
            scalars: of one step; of several together, arrays [steps].
            steps: how many.
        """
        self._pending.append((steps, scalars))
        self._timed += steps
        if len(self._pending) > IN_FLIGHT:
            jax.block_until_ready(self._pending[-IN_FLIGHT - 1])

    def collect(self, upto: int) -> dict[str, float]:
        """Empties the window up to a step, and waits for that step only.

        Returns:
            'train/<name>': means over the steps (the last learning rates), and
            'time/images_per_second'; {} where there is nothing new.

        Raises:
            NonFiniteError: names the first step and scalar that is not finite.
        """
        ends = itertools.accumulate((n for n, _ in self._pending), initial=self.step)
        count = sum(end <= upto for end in ends) - 1
        done, self._pending = self._pending[:count], self._pending[count:]
        if not done:
            return {}
        taken = [
            {name: np.atleast_1d(value)[i] for name, value in scalars.items()}
            for steps, scalars in jax.device_get(done)
            for i in range(steps)
        ]
        for number, row in enumerate(taken, self.step + 1):
            _check(number, row)
        self.step = upto
        waiting = sum(steps for steps, _ in self._pending)
        rate = (self._timed - waiting) / (time.perf_counter() - self._started)
        self.restart_clock()
        self._timed = waiting
        columns = {name: [float(row[name]) for row in taken] for name in taken[0]}
        means = {
            f"train/{name}": values[-1]
            if "learning_rate" in name
            else float(np.mean(values))
            for name, values in columns.items()
        }
        return {**means, "time/images_per_second": rate * self.batch_size}


def _check(step: int, scalars: Mapping[str, np.ndarray]) -> None:
    for name, value in scalars.items():
        if not np.isfinite(value):
            raise NonFiniteError(
                f"{name} is {float(value)} at step {step:,}. Lower the learning rate, "
                "warm it up for longer, or clip the gradient (optim.clip_norm=1)."
            )


def check_finite(state: TrainState) -> None:
    """Raises NonFiniteError where a weight, statistic or moment is not finite."""
    if not bool(_all_finite((state.nets, state.memory))):
        raise NonFiniteError(
            f"a weight is not finite after step {int(state.step):,}. Lower the "
            "learning rate, or clip the gradient (optim.clip_norm=1)."
        )


@jax.jit
def _all_finite(tree: Any) -> jax.Array:
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.stack([jnp.isfinite(x).all() for x in floats]).all()
