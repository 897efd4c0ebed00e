"""resnet-jax evaluate: the metrics of a run's checkpoint."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from resnet_jax import config as configs
from resnet_jax.evaluate import Evaluator
from resnet_jax.plan import keys
from resnet_jax.run import Run, absolute, build_data, load, make_plan
from resnet_jax.spec import DataSpec
from resnet_jax.verbs.table import warn


def evaluate(
    run: str,
    *,
    checkpoint: str = "newest",
    split: str = "",
    batch_size: int = 0,
    overrides: Mapping[str, str] | None = None,
) -> "Evaluation":
    """Evaluates every example of a split exactly once.

    The result is also written to <run>/evaluation-<split>-<step>.json.

    Args:
        run: the run folder.
        checkpoint: 'newest', 'best' or a step.
        split: a split of the data; '' for the evaluations of the config.
        batch_size: examples per batch; 0 for the config's.
        overrides: config fields that lie elsewhere now, such as
            {'data.source.path': '/new/place.npz'}; only `data` and `run` may change.

    Raises:
        ValueError: the run, the checkpoint, the split or the data is not there.
    """
    for field in overrides or {}:
        if not field.startswith(("data.", "run.")):
            raise ValueError(
                f"config.{field} is part of what was trained; only config.data and "
                "config.run can be set for an evaluation."
            )
    loaded = load(run, checkpoint, warn)
    config = configs.ConfigDict(loaded.config)
    for field, text in (overrides or {}).items():
        configs.override(config, field, text)
    plain = configs.from_json(configs.to_json(config))
    if batch_size:
        plain["batch_size"] = batch_size
    plan = make_plan(plain)
    if split:
        first: dict = next(iter(plain["data"]["evals"].values()), {})
        plain["data"]["evals"] = {split: {**first, "split": split}}
    data = build_data(plain)
    check_data(data.spec, loaded.spec)
    evaluator = Evaluator(loaded.task, data, plan.batch_size, keys(plan.seed)["eval"])
    metrics = loaded.task.summarize(evaluator(loaded.state))
    result = Evaluation(loaded, metrics)
    if jax.process_index() == 0:
        name = f"evaluation-{split or '-'.join(data.evals)}-{loaded.step}.json"
        try:
            (absolute(run) / name).write_text(json.dumps(result, indent=2))
        except OSError as error:
            warn(f"{name} could not be written to '{run}' ({error.strerror}).")
    return result


def check_data(spec: DataSpec, trained: DataSpec) -> None:
    """Raises ValueError where a run cannot be judged on other data than its own."""
    for key, shape in trained.shapes.items():
        found = spec.shapes.get(key)
        if found is None or found[-1:] != shape[-1:]:
            shown = f"no {key}" if found is None else f"{key} {found}"
            raise ValueError(
                f"{spec.source} has {shown}, the run was trained on {key} {shape}; "
                "choose data with as many channels."
            )
    # An npz file without names numbers its classes: only how many can be compared.
    unnamed = tuple(str(number) for number in range(trained.num_classes))
    if spec.class_names not in (trained.class_names, unnamed):
        raise ValueError(
            f"{spec.source} has the classes {_few(spec.class_names)}, the run was "
            f"trained on {_few(trained.class_names)}; choose data with the same."
        )


def _few(names: Sequence[str]) -> str:
    return f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''} ({len(names)})"


class Evaluation(dict):
    """The step, the batch size and the metrics; printed as a table."""

    def __init__(self, run: Run, metrics: Mapping[str, float]):
        finite = {k: v if math.isfinite(v) else None for k, v in metrics.items()}
        super().__init__(step=run.step, metrics=finite)

    def __str__(self) -> str:
        rows: dict[str, Any] = {"step": self["step"], **self["metrics"]}
        width = max(map(len, rows))
        return "\n".join(
            f"{name:{width}}  {value:,}"
            if isinstance(value, int) or value is None
            else f"{name:{width}}  {value:,.6g}"
            for name, value in rows.items()
        )
