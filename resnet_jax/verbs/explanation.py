"""The pictures of `classify --explain`: image, heat map, and both together."""

import dataclasses
import pathlib
from typing import Any

import numpy as np
from etils import epath

from resnet_jax.explain import EXPLANATIONS, color_map, overlay
from resnet_jax.lookup import suggest
from resnet_jax.report.pictures import grid, picture, save_png
from resnet_jax.run import absolute
from resnet_jax.tasks.base import pixels

# Smaller images are enlarged to about this many pixels, and captions fit under them.
SIZE = 224


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Explains what a classifier says, and keeps a picture of it.

    Attributes:
        method: a name in EXPLANATIONS.
        folder: where the pictures go.

    Raises:
        ValueError: the method is unknown.
    """

    method: str
    folder: epath.Path

    @classmethod
    def of_run(cls, method: str, run: str, out: str) -> "Explanation":
        """Into `out`, by default the folder explanations/ of the run."""
        return cls(method, absolute(out or epath.Path(run) / "explanations"))

    def __post_init__(self):
        if self.method not in EXPLANATIONS:
            raise ValueError(
                f"unknown --explain={self.method}. {suggest(self.method, EXPLANATIONS)}"
            )

    def write(
        self,
        task: Any,
        state: Any,
        image: np.ndarray,
        label: int,
        caption: str,
        name: pathlib.PurePath,
    ) -> str:
        """Writes one picture and returns its path.

        Args:
            task, state: a classification, ready for evaluation.
            image: [H, W, C] as stored.
            label: the class to explain.
            caption: of the image.
            name: of the image; a number is added where the picture exists.
        """
        net = state.nets["model"]
        heat = EXPLANATIONS[self.method](
            task.model,
            {"params": net.params, **net.stats},
            pixels(image[None], task.mean, task.std),
            np.array([label]),
        )[0]
        shown = np.asarray(picture(image).convert("RGB"))
        factor = max(1, round(SIZE / max(shown.shape)))
        shown = shown.repeat(factor, 0).repeat(factor, 1)
        heat = np.asarray(heat)
        tiles = [shown, color_map(heat, shown.shape[:2]), overlay(shown, heat)]
        captions = [caption, self.method, name.name]
        path = self._free(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(path, grid(tiles, len(tiles), captions=captions, smallest=SIZE))
        return str(path)

    def _free(self, name: pathlib.PurePath) -> epath.Path:
        folder = self.folder / str(name.parent)
        path, number = folder / f"{name.stem}.png", 2
        while path.exists():
            path, number = folder / f"{name.stem}_{number}.png", number + 1
        return path
