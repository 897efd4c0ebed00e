"""What the training loop adds to the steps of a device.

    python tests/benchmarks/loop_overhead.py [--config=NAME] [--milliseconds=20]
        [--config.FIELD=VALUE ...]

In place of computing a step counts for so long, on one processor: so the figure is not
lost in the noise of threads that compute, and the loop (reading, augmenting, placing,
logging every 60 steps) runs on another one, as it does beside a GPU or TPU. What goes
in and out is the config's own. Each line is one of `resnet-jax benchmark`: the
median of 3 pairs of 60 bare steps and 60 of the loop.
"""

import argparse
import dataclasses
import statistics
import time

import jax
import jax.numpy as jnp

from resnet_jax import config as configs
from resnet_jax.verbs import benchmark as verb


def count(number, start):
    """A number that takes as long as it takes to count up to `number`."""
    return jax.lax.fori_loop(0, number, lambda _, x: 1664525 * x + 1013904223, start)


def counted(seconds):
    """How far one processor counts in this time."""
    start, number = jnp.uint32(1), 10_000_000
    counting = jax.jit(count, static_argnums=0)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        counting(number, start).block_until_ready()
        times.append(time.perf_counter() - begin)
    return round(number * seconds / statistics.median(times[1:]))


class Counting:
    """A task whose steps count."""

    def __init__(self, task, number):
        self.task, self.number = task, number

    def __getattr__(self, name):
        return getattr(self.task, name)

    def train_step(self, state, batch, key):
        """The state and scalars of a step that learned nothing."""
        _, scalars = jax.eval_shape(self.task.train_step, state, batch, key)
        number = count(self.number, state.step.astype(jnp.uint32))
        # XLA runs programs without arithmetic at once, in the thread that asks for it.
        matrix = jnp.full((64, 64), number.astype(jnp.float32))
        nothing = (matrix @ matrix)[0, 0] * 0
        state = dataclasses.replace(state, step=state.step + 1)
        return state, jax.tree.map(lambda x: jnp.full(x.shape, nothing), scalars)


def main():
    """Prints a line for each measurement, and their median."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config", default="digits_resnet")
    parser.add_argument("--milliseconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    arguments, fields = parser.parse_known_args()
    number = counted(arguments.milliseconds / 1e3)
    build_task = verb.build_task
    verb.build_task = lambda *given: Counting(build_task(*given), number)
    found = []
    for _ in range(arguments.rounds):
        config = configs.read(arguments.config)
        for field in fields:
            name, _, value = field.removeprefix("--config.").partition("=")
            configs.override(config, name, value)
        timings = verb.time_config(config, name=arguments.config, steps=60)
        found.append(timings["loop_overhead"])
        print(
            f"bare {timings['bare_step_ms']:.2f} ms, loop {timings['loop_step_ms']:.2f}"
            f" ms, {found[-1]:+.2%}; input alone {timings['input_ms']:.2f} ms",
            flush=True,
        )
    print(f"median {statistics.median(found):+.2%}")


if __name__ == "__main__":
    main()
