"""Evaluation: every example exactly once, sums on the host."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from resnet_jax.figures import Gallery
from resnet_jax.parallel import fetch, make_mesh, place, replicated, split
from resnet_jax.report import strip
from resnet_jax.state import TrainState
from resnet_jax.tasks.base import Batch, Task

# Examples that a run paints at each evaluation.
SHOWN = 16


class Evaluator:
    """Runs a task's evaluations; compiled once, however often it is called."""

    def __init__(self, task: Task, data, batch_size: int, key: jax.Array):
        """Takes the task, the key of all evaluations, and the data.

        Of that `.evals`, and `.train` for what a task measures of training batches.
        """
        self.task, self.data, self.key = task, data, key
        self.mesh = make_mesh(batch_size)
        whole = replicated(self.mesh)
        shardings = (whole, split(self.mesh), whole)
        self._step = jax.jit(task.eval_step, in_shardings=shardings)
        self._show = jax.jit(task.show, in_shardings=shardings)

    def __call__(
        self, state: TrainState, evaluations: tuple[str, ...] = ()
    ) -> dict[str, dict[str, Any]]:
        """The sums of every accumulator, by evaluation and metric.

        Args:
            state: as trained; task.prepare_eval puts the averages in.
            evaluations: names in data.evals, () for all.
        """
        state = self.task.prepare_eval(state, self._training_batches(), self.key)
        names = evaluations or tuple(self.data.evals)
        return {name: self._evaluate(state, name) for name in names}

    def show(self, state: TrainState) -> dict[str, np.ndarray]:
        """task.show of the first examples of the first evaluation, the same each time.

        About SHOWN of them: as many as the devices share evenly.
        """
        name = next(iter(self.data.evals), None)
        if name is None:
            return {}
        rows = max(SHOWN // self.mesh.size, 1) * self.mesh.size
        batch = next(iter(self.data.evals[name]()))
        share = rows // jax.process_count()
        batch = place({key: x[:share] for key, x in batch.items()}, self.mesh)
        state = self.task.prepare_eval(state, self._training_batches(), self.key)
        shown = self._show(state, batch, self.key)
        return _without_padding({**shown, "mask": batch["mask"]})

    def _evaluate(self, state: TrainState, name: str) -> dict[str, Any]:
        metrics = self.task.metrics
        sums = {key: metric.empty() for key, metric in metrics.items()}
        for rows in self._rows(state, name):
            for key, metric in metrics.items():
                sums[key] = metric.add(sums[key], rows)
        return sums

    def _rows(self, state: TrainState, name: str) -> Iterator[dict]:
        """Host rows of one batch after another, fetched while the next is under way."""
        waiting = None
        for host_batch in self.data.evals[name]():
            batch = place(host_batch, self.mesh)
            rows = {**self._step(state, batch, self.key), "mask": batch["mask"]}
            if waiting is not None:
                yield _without_padding(waiting)
            waiting = rows
        if waiting is not None:
            yield _without_padding(waiting)

    def _training_batches(self) -> Iterator[Batch]:
        for batch in self.data.train(0):
            yield place(batch, self.mesh)


def _without_padding(rows: dict) -> dict:
    rows = fetch(rows)
    mask = rows.pop("mask")
    return {key: values[mask] for key, values in rows.items()}


def judge(task, data, report, evaluator, state) -> dict[str, float]:
    """Evaluates, logs the metrics and shows the figures; returns the metrics."""
    with report.phase("evaluating"):
        sums = evaluator(state)
    metrics, figures = task.summarize(sums), task.figures(sums)
    pictures = {
        name: data.pictures(figure.evaluation, figure.indices)
        for name, figure in figures.items()
        if isinstance(figure, Gallery)
    }
    report.log(int(state.step), metrics, progress=False)
    report.figures(int(state.step), figures, pictures)
    if shown := evaluator.show(state):
        report.samples(int(state.step), strip(shown))
    return metrics
