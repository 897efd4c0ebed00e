"""A finished classifier, whatever its weights come from."""

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from jax import Array

from resnet_jax.compiler import compiler_options
from resnet_jax.data.images import read_image, with_depth
from resnet_jax.data.transforms import apply_transforms, build_transforms
from resnet_jax.files import is_run
from resnet_jax.lookup import check_arguments
from resnet_jax.models import CLASSIFIERS
from resnet_jax.optim import create_optimizer
from resnet_jax.pretrained.load import load_pretrained
from resnet_jax.pretrained.preprocessing import Preprocessing
from resnet_jax.pretrained.run_folder import prepared_for
from resnet_jax.run import Run, load
from resnet_jax.spec import DataSpec
from resnet_jax.state import NetState, TrainState
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
        sentence: what `prepare` and the normalization do.
        step: of a run's checkpoint.
    """

    source: str
    task: Classification
    state: TrainState
    names: tuple[str, ...]
    channels: int
    prepare: Callable[[np.ndarray], np.ndarray]
    sentence: str
    step: int | None = None

    @property
    def named(self) -> bool:
        """Whether the classes have names, rather than numbers."""
        return self.names != numbers(len(self.names))

    def with_names(self, names: tuple[str, ...]) -> "Classifier":
        """The same with other names of its classes.

        Raises:
            ValueError: they are not as many as its classes, or one is there twice.
        """
        if len(names) != len(self.names) or len(set(names)) < len(names):
            raise ValueError(
                f"{len(set(names))} different names are given for the "
                f"{len(self.names)} classes of '{self.source}'."
            )
        task = dataclasses.replace(self.task, class_names=names)
        return dataclasses.replace(self, task=task, names=names)

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
        return pixels(jnp.asarray(images), self.task.mean, self.task.std)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Of the K classes, [B, K], for prepared images [B, H, W, C]."""
        found = self._predict(self.state, {"image": images})["probabilities"]
        return np.asarray(found)[:, : len(self.names)]

    @functools.cached_property
    def _predict(self) -> Callable:
        return jax.jit(self.task.predict, compiler_options=compiler_options())


def open_classifier(
    source: epath.PathLike,
    checkpoint: str = "newest",
    warn: Callable[[str], None] = lambda text: None,
    preprocessing: str = "",
) -> Classifier:
    """The classifier of a run, or of pretrained weights.

    Args:
        source: a run folder, or what `from_pretrained` takes: a name, a file, a folder.
        checkpoint: of a run: 'newest', 'best' or a step.
        warn: is told of damaged checkpoints that were passed over.
        preprocessing: for weights that do not say it, see `read_preprocessing`.

    Raises:
        ValueError: there is nothing of that name, it is no classifier, or nothing says
            how its images are prepared.
    """
    name = os.fspath(source)
    if is_run(name):
        if preprocessing:
            raise ValueError("--preprocessing is for weights; a run says its own.")
        return from_run(load(name, checkpoint, warn), name)
    if checkpoint != "newest":
        raise ValueError(
            f"--checkpoint={checkpoint} is for runs, and '{name}' is none: expected a "
            "--workdir of `resnet-jax train`."
        )
    return from_weights(name, preprocessing)


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
        sentence=in_words(run.spec),
        step=run.step,
    )


def from_weights(source: str, preprocessing: str = "") -> Classifier:
    """The classifier of pretrained weights, see `open_classifier`."""
    try:
        model, variables, about = load_pretrained(source)
    except ValueError as error:
        if pathlib.Path(source).exists() or ":" in source:
            raise
        raise ValueError(
            f"{error} And '{source}' holds no run; expected a --workdir of "
            "`resnet-jax train`."
        ) from error
    if about.model not in CLASSIFIERS:
        raise ValueError(
            f"the weights '{source}' are of '{about.model}', which is no classifier; "
            "for images to images take `resnet-jax transform`."
        )
    count = about.fields["num_classes"]
    if not count:
        raise ValueError(f"the weights '{source}' have no head: they cannot classify.")
    prepared = read_preprocessing(preprocessing) if preprocessing else None
    prepared = prepared or about.preprocessing
    if prepared is None:
        raise ValueError(
            f"the weights '{source}' do not say how images are prepared, and it is "
            f"never guessed: give --preprocessing=FILE.json, or in quotes {EXAMPLE}, "
            "with the values they were trained with."
        )
    names = about.class_names or numbers(count)
    never = {"name": "sgd", "schedule": {"name": "constant", "base": 0.0}}
    task = Classification(
        model=model,
        optimizer=create_optimizer(never, total_steps=1),
        num_classes=count,
        class_names=names,
        mean=prepared.mean,
        std=prepared.std,
    )
    stats = {name: value for name, value in variables.items() if name != "params"}
    net = NetState(variables["params"], stats, opt_state=None)
    state = TrainState(step=jnp.zeros((), jnp.int32), nets={"model": net})
    return Classifier(
        source=source,
        task=task,
        state=jax.tree.map(jnp.asarray, state),
        names=names,
        channels=prepared.channels,
        prepare=Prepared(prepared),
        sentence=str(prepared),
    )


NEEDED = ("input_size", "resize", "mean", "std")
EXAMPLE = (
    '\'{"input_size": [224, 224, 3], "resize": 256, "interpolation": "bilinear", '
    '"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}\''
)


def read_preprocessing(text: str) -> Preprocessing:
    """The preprocessing in a JSON file, or in JSON itself.

    Its keys are the fields of Preprocessing. None of input_size, resize (null: not
    resized), mean and std may be left out, nor interpolation where there is a resize.

    Raises:
        ValueError: it is no such file or JSON, or a field is missing or does not fit.
    """
    file = pathlib.Path(text)
    inline = text.lstrip().startswith("{")
    if not inline and not file.is_file():
        raise ValueError(f"--preprocessing: there is no file '{text}'.")
    try:
        fields = json.loads(text if inline else file.read_text())
    except ValueError as error:
        raise ValueError(f"--preprocessing is no JSON ({error}).") from error
    fields = {"preprocessing": fields} if not isinstance(fields, dict) else fields
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    check_arguments(Preprocessing, fields, "--preprocessing")
    needed = (*NEEDED, "interpolation") if fields.get("resize") else NEEDED
    if missing := [name for name in needed if name not in fields]:
        raise ValueError(
            f"--preprocessing lacks {', '.join(missing)}; expected such as {EXAMPLE}."
        )
    if fields["resize"] is None:
        fields = {"crop_mode": "none", **fields}
    return Preprocessing(**fields)


def numbers(count: int) -> tuple[str, ...]:
    """The names of classes without names."""
    return tuple(map(str, range(count)))


def in_words(spec: DataSpec) -> str:
    """What a run's evaluation does to an image, in a sentence."""
    try:
        return str(prepared_for(spec))
    except ValueError:
        return f"Images are transformed by {', '.join(spec.transforms)}."


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Resizes and crops as a preprocessing says, for images of 8 or 16 bits."""

    preprocessing: Preprocessing

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 or uint16 [H, W, C] -> uint8 [h, w, C]."""
        return self.preprocessing.image(with_depth(image, np.uint8))


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
        image = with_depth(image, spec.dtypes["image"])
        height, width, _ = spec.shapes["image"]
        if not transforms and image.shape[:2] != (height, width):
            transforms = build_transforms({"resize": {"size": (height, width)}})
        return apply_transforms(transforms, image[None])[0]
