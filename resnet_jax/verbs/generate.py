"""resnet-jax generate: images of a run that learned to make them."""

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.compiler import compiler_options
from resnet_jax.files import absolute
from resnet_jax.lookup import suggest
from resnet_jax.report import grid
from resnet_jax.report.pictures import picture as as_picture
from resnet_jax.report.pictures import save_png
from resnet_jax.run import load
from resnet_jax.tasks import Gan
from resnet_jax.tasks.samples import numbered
from resnet_jax.verbs.image_files import check_folder
from resnet_jax.verbs.table import Table, warn

BATCH = 64
COLUMNS = 8
# Of latents in a picture of truncation.
TRUNCATIONS = (0.2, 0.4, 0.6, 0.8, 1.0)


class Maker:
    """A finished generator."""

    def __init__(self, task: Gan, state: Any, names: tuple[str, ...], seed: int):
        """Takes the task and its state, the classes' names, the seed of latents."""
        self.names = names if task.game.conditional else ()
        self.size: int = task.game.generator.latent_size
        self.key = jax.random.key(seed)
        predict = jax.jit(task.predict, compiler_options=compiler_options())

        def make(latents, label):
            inputs = {"latents": latents, "label": label}
            return predict(state, inputs)["image"]

        self._make = make

    def latents(self, index: np.ndarray) -> np.ndarray:
        """Those of the images with these numbers, [N, Z]."""
        return np.asarray(numbered(self.key, jnp.asarray(index), self.size))

    def __call__(self, latents: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Images uint8 [N, H, W, C], made in batches of one size."""
        made = []
        for start in range(0, len(latents), BATCH):
            rows = np.arange(start, start + BATCH).clip(max=len(latents) - 1)
            images = np.asarray(self._make(latents[rows], label[rows]))
            made.append(images[: len(latents) - start])
        return np.concatenate(made)


def generate(
    source: str,
    *,
    checkpoint: str = "newest",
    count: int = 64,
    seed: int = 0,
    labels: str = "",
    truncation: str = "1",
    picture: str = "",
    out: str = "",
) -> Table:
    """Writes images as PNG files, or one picture of many.

    Image number i of a seed is the same whatever the count. Where images are made of
    a class, they lie in a folder per class, as data.source 'folder' reads them.

    Args:
        source: a run folder.
        checkpoint: 'newest', 'best' or a step.
        count: images; of a picture as many as it takes.
        seed: of the latents, from 0.
        labels: class names or numbers, separated by commas, taken in turn; '' for all.
        truncation: what latents are multiplied by, 1 for none.
        picture: a name in PICTURES: one file instead of a folder of images.
        out: a folder, new or empty; '' for generated/<step>-seed<seed> in the run's.

    Returns:
        A row: images, and where they are.

    Raises:
        ValueError: there is no such run or class, it makes no images, the folder has
            files, or a number is out of range.
    """
    for flag, value, least in (("count", count, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"--{flag} is {value}; expected at least {least}.")
    if picture and picture not in PICTURES:
        raise ValueError(f"--picture='{picture}'. {suggest(picture, PICTURES)}")
    factor = _number(truncation)
    run = load(source, checkpoint, warn)
    if not isinstance(run.task, Gan):
        raise ValueError(f"'{source}' makes no images; name the run of a GAN.")
    state = run.task.prepare_eval(run.state)
    maker = Maker(run.task, state, run.spec.class_names, seed)
    chosen = _labels(labels, maker.names)
    folder = pathlib.Path(out).expanduser() if out else None
    folder = folder or absolute(source) / "generated" / f"{run.step}-seed{seed}"
    check_folder(folder, empty=not picture)
    if picture:
        file = folder / f"{picture}.png"
        if file.exists():
            raise ValueError(f"'{file}' is there already; name another --out.")
        save_png(file, PICTURES[picture](maker, chosen, factor))
        return Table([{"picture": str(file)}], {})
    for number, image, label in _images(maker, chosen, count, factor):
        place = folder / maker.names[label] if maker.names else folder
        save_png(place / f"{number:06d}.png", as_picture(image))
    return Table([{"images": count, "folder": str(folder)}], {"images": ","})


def _images(
    maker: Maker, chosen: np.ndarray, count: int, factor: float
) -> Iterator[tuple[int, np.ndarray, int]]:
    """Number, image and label of each."""
    for start in range(0, count, 16 * BATCH):
        index = np.arange(start, min(start + 16 * BATCH, count))
        label = chosen[index % len(chosen)]
        made = maker(factor * maker.latents(index), label)
        yield from zip(index, made, label, strict=True)


def samples(maker: Maker, chosen: np.ndarray, factor: float):
    """Rows of classes where there are some, else a square."""
    rows = len(chosen) if maker.names else COLUMNS
    index = np.arange(rows * COLUMNS)
    label = np.repeat(chosen, COLUMNS) if maker.names else np.zeros(len(index), int)
    return grid(maker(factor * maker.latents(index), label), COLUMNS)


def interpolation(maker: Maker, chosen: np.ndarray, factor: float):
    """A row leads from one image to another, of the same class.

    Between latents along the great circle, as their length is what a normal
    distribution gives them: White 2016, arXiv:1609.04468, section 2.1.
    """
    rows = max(len(chosen), COLUMNS) if maker.names else COLUMNS
    ends = maker.latents(np.arange(2 * rows)).reshape(rows, 2, -1)
    path = np.stack(
        [_between(ends[:, 0], ends[:, 1], t) for t in np.linspace(0, 1, COLUMNS)], 1
    )
    label = np.repeat(chosen[np.arange(rows) % len(chosen)], COLUMNS)
    return grid(maker(factor * path.reshape(rows * COLUMNS, -1), label), COLUMNS)


def truncation(maker: Maker, chosen: np.ndarray, factor: float):
    """A row per factor of the same latents, the least variety first."""
    latents = maker.latents(np.arange(COLUMNS))
    label = chosen[np.arange(COLUMNS) % len(chosen)]
    tiles = [maker(factor * t * latents, label) for t in TRUNCATIONS]
    captions = [f"{t:g}" if i == 0 else "" for t in TRUNCATIONS for i in range(COLUMNS)]
    return grid(np.concatenate(tiles), COLUMNS, captions=captions)


PICTURES: dict[str, Callable] = {
    "samples": samples,
    "interpolation": interpolation,
    "truncation": truncation,
}


def _between(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The point a part t of the way on the arc from a to b, [N, Z] each."""
    cosine = (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    angle = np.arccos(np.clip(cosine, -1 + 1e-7, 1 - 1e-7))[:, None]
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def _labels(text: str, names: tuple[str, ...]) -> np.ndarray:
    """The numbers of the classes that are asked for."""
    if text and not names:
        raise ValueError(f"--labels={text}: this run makes images of no class.")
    if not text:
        return np.arange(len(names) or 1)
    found = []
    for word in filter(None, map(str.strip, text.split(","))):
        if word in names:
            found.append(names.index(word))
        elif word.isdigit() and int(word) < len(names):
            found.append(int(word))
        else:
            raise ValueError(f"--labels: no class '{word}'. {suggest(word, names)}")
    if not found:
        raise ValueError(f"--labels={text} names no class. {suggest('', names)}")
    return np.array(found)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 10:
        raise ValueError(f"--truncation is '{text}'; expected a number such as 0.7.")
    return value
