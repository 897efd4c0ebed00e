"""Evaluation: every example exactly once, sums on the host."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from resnet_jax.compiler import compiler_options
from resnet_jax.figures import Gallery
from resnet_jax.parallel import fetch, make_mesh, one_device, place, replicated, split
from resnet_jax.report import grid, stack, strip
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
        self._step = self._compiled(task.eval_step)
        self._show = self._compiled(task.show)

    def prepare(self, state: TrainState) -> TrainState:
        """What is evaluated and shown of a state as it was trained.

        Its weights are whole on every device, and without what the optimizers own.
        """
        nets = {
            name: dataclasses.replace(net, opt_state=None)
            for name, net in state.nets.items()
        }
        state = dataclasses.replace(state, nets=nets)
        state = jax.device_put(state, replicated(self.mesh))
        return self.task.prepare_eval(state, self._training_batches(), self.key)

    def __call__(
        self, state: TrainState, evaluations: tuple[str, ...] = ()
    ) -> dict[str, dict[str, Any]]:
        """The sums of every accumulator, by evaluation and metric.

        Args:
            state: of `prepare`.
            evaluations: names in data.evals, () for all.
        """
        names = evaluations or tuple(self.data.evals)
        return {name: self._evaluate(state, name) for name in names}

    def show(self, state: TrainState) -> list[dict[str, np.ndarray]]:
        """task.show of the first examples of the first evaluation, the same each time.

        Also of evaluations of other keys, such as the other domain's; without
        evaluations of the first training batch. About SHOWN of them: as many as the
        devices share evenly, and batch after batch where each is one image.
        """
        evals = [batches() for batches in self.data.evals.values()]
        shown: list[dict[str, np.ndarray]] = []
        seen: set[frozenset[str]] = set()
        for batches in evals or [self.data.train(0)]:
            for count, batch in enumerate(batches):
                kind = frozenset(batch)
                if count == SHOWN or (count == 0 and kind in seen):
                    break
                seen.add(kind)
                shown.append(_without_padding(self._show(state, self._part(batch))))
                if len(batch["index"]) * jax.process_count() > 1:
                    break
        return shown

    def _part(self, batch: Batch) -> dict[str, np.ndarray]:
        """The first rows of a batch, as many as are shown, with a mask."""
        rows = max(SHOWN // self.mesh.size, 1) * self.mesh.size
        share = rows // jax.process_count()
        part = {key: x[:share] for key, x in batch.items()}
        return {"mask": np.ones(len(part["index"]), bool), **part}

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
        for batch in self.data.evals[name]():
            rows = self._step(state, batch)
            if waiting is not None:
                yield _without_padding(waiting)
            waiting = rows
        if waiting is not None:
            yield _without_padding(waiting)

    def _compiled(self, function: Callable) -> Callable:
        """function(state, host batch) -> its rows and the batch's mask, on devices.

        A batch that the devices do not share is one image of its own size: it is judged
        on one device, and each size is compiled once.
        """
        names: dict[frozenset[str], list[str]] = {}

        def values(state, batch, key):
            rows = function(state, batch, key)
            # A compiled function would sort them. Domains have names of their own.
            names[frozenset(batch)] = list(rows)
            return list(rows.values())

        whole, options = replicated(self.mesh), compiler_options()
        shardings = (whole, split(self.mesh), whole)
        shared = jax.jit(values, in_shardings=shardings, compiler_options=options)
        alone = jax.jit(values, compiler_options=options)

        def call(state, batch):
            if len(batch["index"]) * jax.process_count() % self.mesh.size:
                rows = alone(one_device(state), batch, self.key)
            else:
                batch = place(batch, self.mesh)
                rows = shared(state, batch, self.key)
            rows = dict(zip(names[frozenset(batch)], rows, strict=True))
            return {**rows, "mask": batch["mask"]}

        return call

    def _training_batches(self) -> Iterator[Batch]:
        for batch in self.data.train(0):
            yield place(batch, self.mesh)


def _without_padding(rows: dict) -> dict:
    # As a list, which keeps its order.
    rows = dict(zip(rows, fetch(list(rows.values())), strict=True))
    mask = rows.pop("mask")
    return {key: values[mask] for key, values in rows.items()}


def judge(task, data, report, evaluator, state) -> dict[str, float]:
    """Evaluates, logs the metrics and shows the figures; returns the metrics."""
    with report.phase("evaluating"):
        state = evaluator.prepare(state)
        sums = evaluator(state)
    metrics, figures = task.summarize(sums), task.figures(sums)
    pictures = {
        name: data.pictures(figure.evaluation, figure.indices)
        for name, figure in figures.items()
        if isinstance(figure, Gallery)
    }
    report.log(int(state.step), metrics, progress=False)
    report.figures(int(state.step), figures, pictures)
    shown = evaluator.show(state)
    reals = [rows.pop("real") for rows in shown if "real" in rows]
    # Without rows where an image is a bad one.
    if strips := [strip(rows) for rows in shown if any(map(len, rows.values()))]:
        report.samples(int(state.step), stack(strips))
    if reals:
        report.reals(grid(reals[0]))
    return metrics
