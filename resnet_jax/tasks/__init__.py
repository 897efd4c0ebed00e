"""Problems: what a run learns, and how it is judged."""

from collections.abc import Callable, Mapping
from typing import Any

from resnet_jax.lookup import build, section_fields
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.base import Batch, Task
from resnet_jax.tasks.classification import Classification
from resnet_jax.tasks.classification_section import classification
from resnet_jax.tasks.contrastive import Contrastive
from resnet_jax.tasks.distillation import Teacher
from resnet_jax.tasks.gan import Gan
from resnet_jax.tasks.gan_section import gan
from resnet_jax.tasks.paired import Paired
from resnet_jax.tasks.paired_section import paired
from resnet_jax.tasks.restoration import Restoration
from resnet_jax.tasks.restoration_section import restoration
from resnet_jax.tasks.unpaired import Unpaired
from resnet_jax.tasks.unpaired_section import contrastive, unpaired

TASKS: dict[str, Callable[..., Any]] = {
    "classification": classification,
    "contrastive": contrastive,
    "gan": gan,
    "paired": paired,
    "restoration": restoration,
    "unpaired": unpaired,
}

__all__ = [
    "TASKS",
    "Batch",
    "Classification",
    "Contrastive",
    "Gan",
    "Paired",
    "Restoration",
    "Task",
    "Teacher",
    "Unpaired",
    "create_task",
]


def create_task(
    section: Mapping | str,
    *,
    spec: DataSpec,
    total_steps: int,
    batch_size: int,
    axis_name: str | None = None,
    **sections: Any,
) -> Task:
    """The task of a config.

    Args:
        section: a name in TASKS, with the task's own fields.
        spec: of the data.
        total_steps: the length of the run.
        batch_size: of one draw of a step.
        axis_name: the device axis under pmap.
        **sections: the config's sections of networks and optimizers, by field name.

    Raises:
        ValueError: a name or field is unknown, or the data lacks what the task needs.
    """
    given = {"spec": spec, "total_steps": total_steps, "batch_size": batch_size}
    given["axis_name"] = axis_name
    fields = {**sections, **section_fields(section, "task")}
    task = build(TASKS, fields, "task", **given)
    spec.require(task.needs)
    return task
