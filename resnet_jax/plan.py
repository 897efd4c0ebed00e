"""What a run is made of, beside its task and its data."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax


@dataclasses.dataclass(frozen=True)
class Options:
    """A config's `run` section: what does not change the numbers.

    Attributes:
        log_every, eval_every, save_every: periods in steps; 0: only at the end. The
            best checkpoint is the best of those saved at a step that was evaluated.
        keep: newest checkpoints kept, beside the best.
        parallel: 'jit', 'pmap', or 'fsdp': as 'jit', with weights, averages and the
            optimizer's state split over the devices.
        fsdp: devices that share one copy of them under 'fsdp'; 0: all.
        steps_per_dispatch: steps in one program, whose batches are brought to the
            devices together: for steps of a few milliseconds. Fewer where something is
            due.
        workers: processes that read and decode examples, 0 for none.
        deterministic: ask the compiler for repeatable GPU kernels.
        on_nonfinite: 'stop', or 'rollback' to the last checkpoint with other data.
        on_alarm: 'warn' where the task finds that training leads nowhere, such as a
            generator that makes one image only; 'stop', or 'rollback' as above.
        profile: (first, last) steps to trace, (0, 0) for none.
        tensorboard: mirror metrics.jsonl to tb/ where tensorboardX is installed.

    Raises:
        ValueError: a value is out of range.
    """

    log_every: int = 50
    eval_every: int = 1000
    save_every: int = 1000
    keep: int = 2
    parallel: str = "jit"
    fsdp: int = 0
    steps_per_dispatch: int = 1
    workers: int = 0
    deterministic: bool = False
    on_nonfinite: str = "stop"
    on_alarm: str = "warn"
    profile: tuple[int, int] = (0, 0)
    tensorboard: bool = True

    def __post_init__(self):
        least = dict.fromkeys(("log_every", "eval_every", "save_every", "fsdp"), 0)
        least |= {"keep": 1, "steps_per_dispatch": 1, "workers": 0}
        for name, lowest in least.items():
            if (value := getattr(self, name)) < lowest:
                raise ValueError(f"run.{name} is {value}; expected at least {lowest}.")
        if not 0 <= self.profile[0] < self.profile[1] and any(self.profile):
            raise ValueError(
                f"run.profile is {self.profile}; expected the first and the last step "
                "of a trace, such as (10, 20), or (0, 0)."
            )
        for name, choices in (
            ("on_nonfinite", ("stop", "rollback")),
            ("on_alarm", ("warn", "stop", "rollback")),
            ("parallel", ("jit", "pmap", "fsdp")),
        ):
            if (value := getattr(self, name)) not in choices:
                expected = " or ".join(repr(c) for c in choices)
                raise ValueError(f"run.{name} is '{value}'; expected {expected}.")
        if self.fsdp and self.parallel != "fsdp":
            raise ValueError(
                f"run.fsdp is {self.fsdp} and run.parallel '{self.parallel}', under "
                "which every device has all weights; set run.parallel='fsdp'."
            )
        if self.steps_per_dispatch > 1 and self.parallel == "pmap":
            raise ValueError(
                f"run.steps_per_dispatch is {self.steps_per_dispatch} and run.parallel "
                "'pmap', which takes one step at a time; set run.parallel='jit'."
            )


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long a run is, with which numbers, and what goes with its checkpoints.

    Attributes:
        seed, batch_size, total_steps: the config's.
        best: (metric, 'max' or 'min'), by which the best checkpoint is kept.
        patience: evaluations without a better one after which the run ends; 0: never.
        options: the config's `run` section.
        description: JSON values stored with every checkpoint.
        stopping: step -> whether to save and leave now.
        start: {net: {'params', 'stats'}} that training begins from, or None.
        frozen: arrays of the networks that only help: the state's `frozen`.

    Raises:
        ValueError: a value is out of range.
    """

    seed: int
    batch_size: int
    total_steps: int
    best: tuple[str, str]
    options: Options
    description: Mapping[str, Any]
    stopping: Callable[[int], bool] = lambda step: False
    start: Mapping[str, Any] | None = None
    frozen: Mapping[str, Any] | None = None
    patience: int = 0

    def __post_init__(self):
        least = {"seed": 0, "batch_size": 1, "total_steps": 1, "patience": 0}
        for name, lowest in least.items():
            if (value := getattr(self, name)) < lowest:
                raise ValueError(f"{name} is {value}; expected at least {lowest}.")
        if len(self.best) != 2 or self.best[1] not in ("max", "min"):
            raise ValueError(
                f"best is {self.best}; expected a metric and 'max' or 'min', such as "
                "('test/accuracy', 'max')."
            )

    def check_frozen(self, saved: Mapping[str, Any]) -> None:
        """Raises ValueError where a network that only helps has other weights now.

        Args:
            saved: the description of a checkpoint; 'frozen' in it, as in this plan's,
                is {name: {'source', 'digest'}}.
        """
        for name, now in self.description.get("frozen", {}).items():
            before = saved.get("frozen", {}).get(name, now)
            same_source = before["source"] == now["source"]
            if same_source and before["digest"] != now["digest"]:
                raise ValueError(
                    f"the weights of {name} '{now['source']}' are not those that this "
                    f"run was trained with (digest {now['digest']}, it was "
                    f"{before['digest']}); bring those back, or use another workdir."
                )

    def ahead(self, step: int) -> int:
        """How many steps after `step` go together: a function of the step alone."""
        options = self.options
        stops = (options.profile[0] - 1, options.profile[1], self.total_steps)
        periods = (
            options.steps_per_dispatch,
            options.log_every,
            options.eval_every,
            options.save_every,
        )
        return min(
            *(stop - step for stop in stops if stop > step),
            *(period - step % period for period in periods if period),
        )

    def due(self, step: int, every: int) -> bool:
        """Whether something periodic happens after `step` completed steps."""
        return step == self.total_steps or (every > 0 and step % every == 0)


def keys(seed: int | jax.Array) -> dict[str, jax.Array]:
    """The keys of 'init', 'train' and 'eval'; all other randomness is theirs."""
    three = jax.random.split(jax.random.key(seed), 3)
    return dict(zip(("init", "train", "eval"), three, strict=True))
