"""Knowledge distillation: a student learns the answers of a trained network."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax import Array

from resnet_jax.lookup import check_arguments
from resnet_jax.losses.distillation import distillation_loss


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A trained network; its weights are the state's `frozen['teacher']`.

    Attributes:
        model: images [B, H, W, C] in its own units -> logits [B, K].
        mean, std: of those units, per channel, in [0, 1].
    """

    model: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def logits(self, variables: Any, image: Array, mean, std) -> Array:
        """Its answers [B, K] to the images that the student gets.

        Args:
            variables: of the model.
            image: [B, H, W, C] in the student's units, mixed or not.
            mean, std: of the student's units, per channel, in [0, 1].
        """
        # A change of units is affine, and so it does not see that images were mixed.
        own_mean, own_std = np.array([self.mean, self.std], np.float32)
        scale, shift = std / own_std, (mean - own_mean) / own_std
        answers: Any = self.model.apply(variables, image * scale + shift)
        return jax.lax.stop_gradient(answers)


@dataclasses.dataclass(frozen=True)
class Distillation:
    """A config's `teacher` section.

    Beyer et al. 2021, arXiv:2106.05237: student and teacher see the same mixed crops,
    and with the default weight the labels are not used.

    Attributes:
        source: where the teacher comes from: a run folder, the name of pretrained
            weights, or a file of them.
        temperature: T of the loss.
        weight: the teacher's share of the loss; the rest is the labels'.
        network: the teacher; None where only the student is used.

    Raises:
        ValueError: a value is out of range.
    """

    source: str
    temperature: float = 1.0
    weight: float = 1.0
    network: Teacher | None = None

    def __post_init__(self):
        if self.temperature <= 0:
            raise ValueError(
                f"teacher.temperature is {self.temperature}; expected more than 0."
            )
        if not 0 < self.weight <= 1:
            raise ValueError(
                f"teacher.weight is {self.weight}; expected more than 0, at most 1."
            )

    def answers(self, variables, image: Array, mean, std) -> Array:
        """The teacher's logits: see Teacher.

        Raises:
            ValueError: the teacher or its variables are not given.
        """
        if self.network is None or variables is None:
            raise ValueError(
                f"the network of teacher '{self.source}' is not loaded; train with "
                "`resnet-jax train`, or put its variables into state.frozen['teacher']."
            )
        return self.network.logits(variables, image, mean, std)

    def loss(self, logits: Array, teacher: Array, labels: Array) -> Array:
        """The student's loss of its logits, the teacher's, and that of the labels."""
        soft = distillation_loss(logits, teacher, self.temperature)
        return self.weight * soft + (1 - self.weight) * labels


def distillation(
    section: Mapping | None, num_classes: int, channels: int
) -> Distillation | None:
    """The distillation of a config's section, `network` in it where it was loaded.

    Raises:
        ValueError: a field is unknown or out of range, or the teacher answers another
            question than the student.
    """
    if section is None:
        return None
    check_arguments(Distillation, section, "teacher")
    made = Distillation(**section)
    if made.network is None:
        return made
    classes = made.network.model.num_classes
    if classes != num_classes:
        raise ValueError(
            f"teacher '{made.source}' tells {classes} classes apart and the student "
            f"{num_classes}; choose a teacher of the same classes."
        )
    if len(made.network.mean) != channels:
        raise ValueError(
            f"teacher '{made.source}' takes {len(made.network.mean)} channels and the "
            f"images have {channels}; choose a teacher of such images."
        )
    return made
