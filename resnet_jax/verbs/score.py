"""resnet-jax score: how far the images of one folder are from those of another."""

import hashlib
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from resnet_jax.data.flat import content_digest, list_images, read_batches
from resnet_jax.files import cache_folder
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.frechet import frechet
from resnet_jax.metrics.generation import generation_metrics
from resnet_jax.metrics.protocol import Protocol
from resnet_jax.metrics.reference import FORMAT, Reference, read_reference
from resnet_jax.metrics.sample import MOST, sampled
from resnet_jax.scorer import Scorer, open_scorer
from resnet_jax.verbs.table import Table, warn

BATCH = 64
LOSSY = (".jpg", ".jpeg")


class Score(dict):
    """'metrics' by name, and the 'protocol' that they hold for; text as a table."""

    def __init__(self, metrics: dict[str, float], protocol: Protocol):
        """Takes the values and how they came about."""
        super().__init__(metrics=metrics, protocol=protocol.record())
        self.sentence = str(protocol)

    def __str__(self) -> str:
        """A row per metric, and the protocol in a sentence."""
        rows = [{"metric": k, "value": v} for k, v in self["metrics"].items()]
        return f"{Table(rows, {'value': '.6g'})}\n{self.sentence}"


def score(
    reference: str,
    images: str = "",
    *,
    features: str = "inception",
    resize: str = "",
    preprocessing: str = "",
    metrics: str = "",
    batch_size: int = 0,
    save_reference: str = "",
    reference_cache: bool = True,
) -> Score | str:
    """Distances of images from reference images, in the features of a network.

    Folders are read with all folders inside. What is computed of a reference folder is
    kept in ~/.cache/resnet_jax/references by the content of its files.

    Args:
        reference: a folder of real images, or a file of save_reference.
        images: the folder that is scored; '' to only save the reference.
        features: see open_scorer. Only in the features of 'inception' with published
            weights and the legacy resize is a distance called fid.
        resize: to the network's size: 'legacy' or 'clean'; '' for the network's usual.
        preprocessing: of pretrained weights that do not say theirs, see classifier.
        metrics: names in metrics.generation, separated by commas; '' for all.
        batch_size: images per batch; 0 for 64. It does not change the numbers.
        save_reference: an .npz file to write.
        reference_cache: whether to read and write the cache.

    Raises:
        ValueError: a folder, file, network or metric is not there, a folder holds less
            than two images or several sizes, or the two sides do not fit each other.
    """
    names = filter(None, metrics.replace(" ", "").split(","))
    chosen = generation_metrics(names)
    if not images and not save_reference:
        raise ValueError(
            "score needs a second folder to score, or --save-reference=FILE.npz to "
            "keep the first."
        )
    if save_reference and not save_reference.endswith(".npz"):
        raise ValueError(f"--save-reference={save_reference}: expected a name.npz.")
    if not features:
        raise ValueError("--features is empty; name 'inception', a run, or weights.")
    if batch_size < 0:
        raise ValueError(f"--batch-size is {batch_size}; expected 1 or more.")
    batch_size = batch_size or BATCH
    is_folder = pathlib.Path(reference).expanduser().is_dir()
    real_files = several(reference) if is_folder else []
    known = None if is_folder else read_reference(reference)
    fake_files = several(images) if images else []
    scorer = open_scorer(features, resize, preprocessing, warn)
    if known is None:
        keep = cache_folder("references") if reference_cache else None
        known = measure(reference, real_files, scorer, batch_size, keep)
    fitting(known, reference, scorer)
    if save_reference:
        known.save(save_reference)
    if not images:
        return f"{known.moments.examples:,} images of {reference}: {save_reference}"
    return compare(known, images, fake_files, scorer, chosen, batch_size)


def compare(
    known: Reference,
    images: str,
    files: Sequence[pathlib.Path],
    scorer: Scorer,
    chosen: Mapping[str, Accumulator],
    batch_size: int,
) -> Score:
    """The score of image files, see `score`."""
    size = tuple(known.about["size"])
    sums = {name: metric.empty() for name, metric in chosen.items()}
    for name in chosen:
        if "real" in sums[name]:
            sums[name] |= {"real": known.sums(name)}
    for found, shape in extract(files, scorer, batch_size):
        if shape != size:
            raise ValueError(
                f"the images of '{images}' are {shape[0]} x {shape[1]} and those of "
                f"the reference {size[0]} x {size[1]}; bring them to one size first."
            )
        rows = {f"fake_{key}": values for key, values in found.items()}
        sums = {name: chosen[name].add(sums[name], rows) for name in chosen}
    if any(file.suffix.lower() in LOSSY for file in files):
        warn(f"'{images}' holds JPEG files, whose losses count; write PNG to score.")
    least, width = min(len(files), known.moments.examples), known.moments.total.size
    if "frechet" in chosen and least <= width:
        warn(
            f"a Fréchet distance of {least:,} images in {width:,} features is mostly "
            "their small number; compare it with others of the same number only."
        )
    values: dict[str, float] = {}
    for name, metric in chosen.items():
        values |= metric.summary(sums[name])
    if undefined := [name for name, value in values.items() if np.isnan(value)]:
        warn(
            f"{', '.join(undefined)}: not defined for so few images, or for features "
            "that are not finite; left out."
        )
    protocol = Protocol(
        reference=known.about["name"],
        num_real=known.moments.examples,
        num_fake=len(files),
        features=scorer.network.name,
        digest=scorer.digest,
        resize=scorer.network.resize_of(size),
        size=size,
        quantizer="stored",
        sampled=MOST,
    )
    values = {k: v for k, v in values.items() if k not in undefined}
    return Score(scorer.network.named(values), protocol)


def measure(
    name: str,
    files: Sequence[pathlib.Path],
    scorer: Scorer,
    batch_size: int,
    keep: pathlib.Path | None,
) -> Reference:
    """The reference of image files, from the folder `keep` where it is there."""
    kept = None
    if keep:
        network = scorer.network
        parts: list[Any] = [content_digest(files), scorer.digest, network.resize]
        parts += [network.size, MOST, FORMAT]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
        kept = keep / f"{key}.npz"
        if kept.is_file():
            try:
                earlier = read_reference(kept)
                return earlier._replace(about={**earlier.about, "name": name})
            except ValueError:
                kept.unlink()  # cut off by a full disk, perhaps
    counted, sample = frechet(), sampled(lambda real, fake: {})
    sums, drawn, size = counted.empty(), sample.empty(), (0, 0)
    for found, shape in extract(files, scorer, batch_size):
        size, rows = shape, {"real_features": found["features"]}
        sums, drawn = counted.add(sums, rows), sample.add(drawn, rows)
    about = {
        "name": name,
        "features": scorer.network.name,
        "digest": scorer.digest,
        "resize": scorer.network.resize_of(size),
        "size": size,
    }
    made = Reference(sums["real"], drawn["real"].array(MOST), about)
    if kept:
        try:
            made.save(kept)
        except OSError as error:
            warn(f"the reference is not kept in '{keep}': {error.strerror}.")
    return made


def extract(
    files: Sequence[pathlib.Path], scorer: Scorer, batch_size: int
) -> Iterator[tuple[dict[str, np.ndarray], tuple[int, int]]]:
    """Features and logits of files, batch after batch, and the images' size."""
    for images in read_batches(files, scorer.network.channels, batch_size):
        # One shape is one compiled program.
        missing = min(batch_size, len(files)) - len(images)
        padded = np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0)))
        found = scorer(padded)
        height, width = images.shape[1:3]
        yield {k: v[: len(images)] for k, v in found.items()}, (height, width)


def several(folder: str) -> list[pathlib.Path]:
    """The images of a folder, two or more."""
    files = list_images(folder)
    if len(files) < 2:
        raise ValueError(
            f"folder '{folder}' holds one image; distances need two or more, and "
            "thousands to mean something."
        )
    return files


def fitting(known: Reference, name: str, scorer: Scorer) -> None:
    """Refuses a reference in the features of another network."""
    size = tuple(known.about["size"])
    ours = {"digest": scorer.digest, "resize": scorer.network.resize_of(size)}
    for what, given in ours.items():
        if known.about[what] != given:
            raise ValueError(
                f"the reference '{name}' was made with {known.about['features']} "
                f"({what} {known.about[what]}), and --features is "
                f"{scorer.network.name} ({what} {given}); name the same, or make the "
                "reference again."
            )
