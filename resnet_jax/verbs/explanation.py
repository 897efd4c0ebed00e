"""The pictures of `classify --explain`: image, heat map, and both together."""

import dataclasses
import pathlib

import numpy as np
from etils import epath

from resnet_jax.classifier import Classifier
from resnet_jax.explain import EXPLANATIONS, color_map, overlay
from resnet_jax.files import absolute, is_run
from resnet_jax.lookup import suggest
from resnet_jax.report.pictures import grid, picture, save_png

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
    def beside(cls, method: str, source: str, out: str) -> "Explanation":
        """Into `out`, by default explanations/ of a run's folder, otherwise here."""
        beside = epath.Path(source) if is_run(source) else epath.Path()
        return cls(method, absolute(out or beside / "explanations"))

    def __post_init__(self):
        if self.method not in EXPLANATIONS:
            raise ValueError(
                f"unknown --explain={self.method}. {suggest(self.method, EXPLANATIONS)}"
            )

    def write(
        self,
        classifier: Classifier,
        image: np.ndarray,
        label: int,
        caption: str,
        name: pathlib.PurePath,
    ) -> str:
        """Writes one picture and returns its path.

        Args:
            classifier: what is to be explained.
            image: prepared for it, [H, W, C].
            label: the class to explain.
            caption: of the image.
            name: of the image; a number is added where the picture exists.
        """
        heat = EXPLANATIONS[self.method](
            classifier.task.model,
            classifier.variables,
            classifier.units(image[None]),
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
