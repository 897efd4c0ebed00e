"""The one loop. No task is named in it."""

import contextlib
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from resnet_jax.checkpoint import Checkpoints, SaveError
from resnet_jax.compiler import compiler_options
from resnet_jax.dispatch import dispatches, images_of, mesh_of, sizes
from resnet_jax.evaluate import Evaluator, judge
from resnet_jax.parallel import compile_once, place
from resnet_jax.patience import Waiting
from resnet_jax.plan import Plan, keys
from resnet_jax.preemption import Preempted
from resnet_jax.report import Report, grid
from resnet_jax.sharding import layout
from resnet_jax.state import TrainState
from resnet_jax.tasks.base import Task, compile_train_step
from resnet_jax.window import LostError, NonFiniteError, Window, check_finite, heed

MAX_ROLLBACKS = 3


def train(
    task: Task, data, plan: Plan, report: Report, checkpoints: Checkpoints
) -> tuple[TrainState, dict[str, float]]:
    """Trains to plan.total_steps, from the newest good checkpoint where there is one.

    It ends before where the evaluations get no better for plan.patience.

    Args:
        task: the problem.
        data: its `.spec`, `.train(step, attempt, draws)`, `.evals`, and `.pictures` for
            the galleries among the task's figures.
        plan: how long, and with which numbers.
        report: is told everything.
        checkpoints: of this run.

    Returns:
        The final state, and the metrics of the last evaluation ({} where the run was
        finished before).

    Raises:
        ValueError: the data lacks a key that the task needs.
        NonFiniteError: something is not finite; nothing of it was saved.
        LostError: training leads nowhere, and plan.options.on_alarm is not 'warn'.
        SaveError: the last checkpoint could not be written.
        Preempted: plan.stopping said so; the state is saved.
    """
    data.spec.require(task.needs)
    state, past = begin(task, data, plan, report, checkpoints)
    attempt = past["attempt"]
    while True:
        batches = data.train(int(state.step), attempt, task.draws)
        try:
            with contextlib.closing(batches):
                return _run(task, data, batches, plan, report, checkpoints, state, past)
        except (NonFiniteError, LostError) as error:
            if not error.rolls_back(plan.options) or attempt >= MAX_ROLLBACKS:
                raise
            state, past = begin(task, data, plan, report, checkpoints)
            attempt += 1
            past = {**past, "attempt": attempt}
            report.warn(
                f"{error} Back at step {int(state.step):,}, going on with other data "
                f"(attempt {attempt} of {MAX_ROLLBACKS})."
            )


def begin(
    task: Task, data, plan: Plan, report: Report, checkpoints: Checkpoints
) -> tuple[TrainState, dict[str, Any]]:
    """The state to go on from, and what a checkpoint keeps of the past.

    That is 'attempt', how often the run was rolled back, and 'waiting', its Waiting.

    Raises:
        ValueError: a network in plan.frozen has other weights than it had.
    """
    mesh = mesh_of(plan)

    def init(key, start):
        return task.init(key, data.spec.batch(1), start)

    arguments = (keys(plan.seed)["init"], plan.start)
    like = jax.eval_shape(init, *arguments)
    places = layout(like, mesh)

    def read(step):
        saved = checkpoints.describe(step)
        plan.check_frozen(saved)
        past = {"attempt": saved["attempt"], "waiting": saved.get("waiting", {})}
        return checkpoints.restore(step, like, places), past

    def complete(state):
        # Copies: a step donates its state, and a rollback needs them again.
        whole = dataclasses.replace(state, frozen=plan.frozen)
        place = layout(whole, mesh).frozen
        copy = jax.jit(partial(jax.tree.map, jnp.copy), out_shardings=place)
        return dataclasses.replace(state, frozen=plan.frozen and copy(plan.frozen))

    if found := checkpoints.newest_good(read, report.warn):
        state, past = found
        step = int(state.step)
        checkpoints.set_aside(newer_than=step)
        report.rewind(step)
        done = " (finished: nothing to do)" if step >= plan.total_steps else ""
        report.say(f"resumed at step {step:,} of {plan.total_steps:,}{done}")
        return complete(state), past
    report.rewind(0)
    with report.phase("initializing"):
        state = compile_once(init, places)(*arguments)
        return complete(state), {"attempt": 0, "waiting": {}}


def _run(task, data, batches, plan, report, checkpoints, state, past):
    options, mesh = plan.options, mesh_of(plan)
    key = jax.random.fold_in(keys(plan.seed)["train"], past["attempt"])
    evaluator = Evaluator(task, data, plan.batch_size, keys(plan.seed)["eval"])
    step = int(state.step)
    saved = step if step in checkpoints.steps() else -1
    compiled: dict[tuple, Callable] = {}
    metrics, log_point, alarm = {}, 0, ""
    waiting = Waiting(**past["waiting"])
    window = Window(step, task.counts * plan.batch_size)

    def tell(upto):
        nonlocal alarm
        if values := window.collect(upto):
            report.log(upto, values)
            alarm = heed(task, upto, values, alarm, options.on_alarm, report.warn)

    def save(score=None):
        nonlocal saved
        check_finite(state)
        saved = step
        now = {"attempt": past["attempt"], "waiting": dataclasses.asdict(waiting)}
        description = {**plan.description, **now}
        report.flush()
        try:
            checkpoints.save(state, description, score)
        except SaveError as error:
            report.warn(str(error))

    def enough():
        return step >= plan.total_steps or 0 < plan.patience <= waiting.evaluations

    groups = dispatches(batches, plan, step)
    while not enough() and not plan.stopping(step):
        group = next(groups)
        placed = [place(x, mesh, options.parallel, task.draws) for x in group]
        batch = placed[0] if len(group) == 1 else tuple(placed)
        # Images may grow in the course of a run.
        if (kind := (len(group), *sizes(group[0]))) not in compiled:
            if (images := images_of(group[0])) and not compiled:
                report.inputs(grid(images[0][:64]))
            title = f"train step, {len(group)} at once" if group[1:] else "train step"
            if compiled and kind[1:] not in {other[1:] for other in compiled}:
                title += f" for images of {images[0].shape[1]} pixels"
            with report.phase(f"compiling {title}"):
                step_fn = compile_train_step(task, mesh, options.parallel)
                compiled[kind] = step_fn.lower(state, batch, key).compile(
                    compiler_options(options.deterministic)
                )
            window.restart_clock()
        report.trace(options.profile, step)
        state, scalars = compiled[kind](state, batch, key)
        step += len(group)
        window.add(scalars, len(group))
        # A step is logged when the next one is under way, so that nothing waits.
        if log_point:
            tell(log_point)
        log_point = step if plan.due(step, options.log_every) else 0
        evaluating = plan.due(step, options.eval_every)
        saving = plan.due(step, options.save_every)
        if evaluating or saving:
            tell(step)
            log_point = 0
            if evaluating:
                metrics = judge(task, data, report, evaluator, state)
                if plan.best[0] in metrics:
                    score, sign = metrics[plan.best[0]], plan.best[1]
                    waiting = waiting.after(step, score, sign)
            if saving or enough():
                save(metrics.get(plan.best[0]) if evaluating else None)
            window.restart_clock()
    if step > saved:
        tell(step)
        save()
    checkpoints.wait()
    if not enough():
        raise Preempted(f"stopped at step {step:,} of {plan.total_steps:,}; saved.")
    if step < plan.total_steps:
        report.say(
            f"ended at step {step:,} of {plan.total_steps:,}: {waiting.evaluations} "
            f"evaluations without a better {plan.best[0]} than at {waiting.step:,}."
        )
    return state, metrics
