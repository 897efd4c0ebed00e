"""What the loop asks of a problem, and what a batch may hold."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from resnet_jax.figures import Figure
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.parallel import compile_step
from resnet_jax.state import NetState, TrainState

Batch = Mapping[str, Any]
"""Arrays by key; a task names the keys it reads in `needs`.

    image   uint8 or uint16 [B, H, W, C], as stored
    label   int32 [B] or [B, H, W]; -1 is ignored
    index   int32 [B], the example's number in its split
    mask    bool [B], only in evaluation: False in the padding of the last batch
    a, b    uint8 or uint16 images [B, H, W, C] of pairs or of two domains
    grey    bool [B], only in evaluation: which color images their files store as grey
    index_b int32 [B], only in training on two domains: the numbers of b's examples
"""


class Task(Protocol):
    """A problem: how a run's state changes, and how it is judged.

    Tasks are final frozen dataclasses of modules, optimizers and hyperparameters.
    Everything but `summarize` and `figures` is pure and may be compiled.

    Attributes:
        needs: the batch keys that training reads.
        draws: a training batch has draws * batch_size examples, for steps with several
            updates; draw i of a step is its rows i, i + draws, ...
        counts: of the draws, how many count as images seen.
        metrics: the accumulators that eval_step's rows are added to, by name.
    """

    needs: tuple[str, ...]
    draws: int
    counts: int
    metrics: Mapping[str, Accumulator]

    def init(
        self, key: Array, batch: Batch, start: Mapping | None = None
    ) -> TrainState:
        """The state at step 0; start[net] = {'params', 'stats'} to begin from."""

    def train_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        """One step: the next state, and scalars to log."""

    def predict(
        self, state: TrainState, batch: Batch, key: Array, **options: Any
    ) -> dict[str, Array]:
        """What the finished networks say: logits or images, one row per example."""

    def prepare_eval(
        self, state: TrainState, batches: Iterable[Batch], key: Array
    ) -> TrainState:
        """The state to evaluate: averages in place of the trained weights."""

    def eval_step(
        self, state: TrainState, batch: Batch, key: Array
    ) -> dict[str, Array]:
        """One row per example [B, ...], for the accumulators.

        The key is that of the whole evaluation: what is random is drawn by example,
        from fold_in(key, index).
        """

    def show(self, state: TrainState, batch: Batch, key: Array) -> dict[str, Array]:
        """Images [B, H, W, C] are columns of a grid, 1-D arrays captions.

        'real' images are shown beside the grid. {} where there is nothing to look at.
        """

    def summarize(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """Metrics by 'evaluation/name', of sums by evaluation and metric; float64.

        Before training it is asked for the names, with the sums of no example.
        """

    def figures(self, evals: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
        """What people should see of the same sums."""

    def alarm(self, scalars: Mapping[str, float]) -> str:
        """What is wrong, and its remedy, where training leads nowhere; '' otherwise.

        Args:
            scalars: means of train_step's over the steps of a log point.
        """


def pixels(image: Array, mean: tuple[float, ...], std: tuple[float, ...]) -> Array:
    """Stored pixels in model units: (value in [0, 1] - mean) / std, float32.

    Args:
        image: uint8 or uint16 [..., C].
        mean, std: per channel, in [0, 1] units.
    """
    peak = np.float32(np.iinfo(image.dtype).max)
    scale = 1.0 / (peak * np.asarray(std, np.float32))
    offset = np.asarray(mean, np.float32) / np.asarray(std, np.float32)
    return image.astype(np.float32) * scale - offset


def named(net: str, scalars: Mapping[str, Array], hyper: Mapping) -> dict[str, Array]:
    """Scalars of one network's update by names that tell whose they are."""
    own = ("loss", "gradient_norm")
    found = {f"{net}_{k}" if k in own else k: v for k, v in scalars.items()}
    return found | {f"{net}_learning_rate": hyper["learning_rate"]}


def averaged(state: TrainState, name: str) -> TrainState:
    """The state with the average of a network in its place, where one is kept."""
    net = state.nets[name]
    values = net.ema or {"params": net.params, "stats": net.stats}
    nets = {**state.nets, name: NetState(**values, opt_state=None)}
    return dataclasses.replace(state, nets=nets)


def loss_key(key: Array) -> Array:
    """The key that descend hands to the loss of a batch in one part.

    What is made with it beside the loss is what the loss makes.
    """
    return jax.random.fold_in(key, 0)


def total(values: Iterable[Array]) -> Array:
    """The sum of scalars."""
    return sum(values, jnp.zeros(()))


def compile_train_step(task: Task, mesh, mode: str):
    """The task's step with the key of its step number, ready to be lowered."""

    def train_step(state, batch, key):
        return task.train_step(state, batch, jax.random.fold_in(key, state.step))

    return compile_step(train_step, mesh, mode)
