"""A finished classifier, whatever its weights come from."""

import dataclasses
import functools
import os
from collections.abc import Callable

import jax
import numpy as np
from etils import epath
from jax import Array

from resnet_jax.data.images import read_image
from resnet_jax.data.transforms import apply_transforms, build_transforms
from resnet_jax.run import Run, load
from resnet_jax.spec import DataSpec
from resnet_jax.state import TrainState
from resnet_jax.tasks.base import pixels
from resnet_jax.tasks.classification import Classification


@dataclasses.dataclass(frozen=True)
class Classifier:
    """Networks, class names, and what an image needs before they see it.

    Attributes:
        source: what was asked for, such as a run folder.
        task: the problem, with its network, mean and std.
        state: ready to predict: averages in place of the trained weights.
        names: K class names.
        channels: of the images, 1, 3 or 4.
        prepare: a decoded image, uint8 or uint16 [H, W, C], -> the same as the network
            was trained on, resized and cropped, still as stored.
    """

    source: str
    task: Classification
    state: TrainState
    names: tuple[str, ...]
    channels: int
    prepare: Callable[[np.ndarray], np.ndarray]

    @property
    def variables(self) -> dict:
        """What task.model.apply takes."""
        net = self.state.nets["model"]
        return {"params": net.params, **net.stats}

    def read(self, file: str | os.PathLike) -> np.ndarray:
        """An image file, prepared: uint8 or uint16 [H, W, C].

        Raises:
            BadImage: a ValueError naming the file.
        """
        return self.prepare(read_image(file, self.channels))

    def units(self, images: np.ndarray) -> Array:
        """Prepared images [B, H, W, C] in model units, float32."""
        return pixels(jax.numpy.asarray(images), self.task.mean, self.task.std)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Of the K classes, [B, K], for prepared images [B, H, W, C]."""
        found = self._predict(self.state, {"image": images})["probabilities"]
        return np.asarray(found)[:, : len(self.names)]

    @functools.cached_property
    def _predict(self) -> Callable:
        return jax.jit(self.task.predict)


def open_classifier(
    source: epath.PathLike,
    checkpoint: str = "newest",
    warn: Callable[[str], None] = lambda text: None,
) -> Classifier:
    """The classifier of a run.

    Args:
        source: the run folder.
        checkpoint: 'newest', 'best' or a step.
        warn: is told of damaged checkpoints that were passed over.

    Raises:
        ValueError: there is no such run or checkpoint, or it is no classifier.
    """
    return from_run(load(source, checkpoint, warn), str(source))


def from_run(run: Run, source: str) -> Classifier:
    """The classifier of a loaded run.

    Raises:
        ValueError: the run does something else.
    """
    if not isinstance(run.task, Classification):
        raise ValueError(f"'{source}' is no classifier; name the run of one.")
    return Classifier(
        source=source,
        task=run.task,
        state=run.task.prepare_eval(run.state, (), jax.random.key(0)),
        names=run.spec.class_names,
        channels=run.spec.shapes["image"][-1],
        prepare=Evaluated(run.spec),
    )


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What a run's evaluation does to an image, for images from elsewhere.

    One of another size than the run was trained on is resized to it where the run has
    no transforms of its own.
    """

    spec: DataSpec

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 or uint16 [H, W, C] -> the run's dtype, [h, w, C]."""
        spec, transforms = self.spec, build_transforms(self.spec.transforms)
        if image.dtype != spec.dtypes["image"]:
            scale = 257 if spec.dtypes["image"] == "uint16" else 1 / 257
            image = (image * scale).astype(spec.dtypes["image"])
        height, width, _ = spec.shapes["image"]
        if not transforms and image.shape[:2] != (height, width):
            transforms = build_transforms({"resize": {"size": (height, width)}})
        return apply_transforms(transforms, image[None])[0]
