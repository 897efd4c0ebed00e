"""resnet-jax evaluate: how good a run or pretrained weights are on some data."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax

from resnet_jax import config as configs
from resnet_jax.classifier import Classifier, in_words, open_classifier
from resnet_jax.data import Evaluations
from resnet_jax.data.folder import folder as open_folder
from resnet_jax.data.reader import Reader
from resnet_jax.data.view import View, match_classes
from resnet_jax.evaluate import Evaluator
from resnet_jax.files import absolute, is_run
from resnet_jax.helpers import read_helpers
from resnet_jax.lookup import few
from resnet_jax.metrics.protocol import Protocol
from resnet_jax.metrics.sample import MOST
from resnet_jax.plan import keys
from resnet_jax.run import build_data, build_task, load, make_plan
from resnet_jax.scorer import weights_digest
from resnet_jax.spec import DataSpec
from resnet_jax.state import TrainState
from resnet_jax.tasks import Classification, Gan, Paired, Restoration
from resnet_jax.verbs.evaluation import Evaluation, save
from resnet_jax.verbs.robustness import check_task, measure, read_corruptions
from resnet_jax.verbs.table import warn
from resnet_jax.verbs.watched import Watched

ROWS_PER_DEVICE = 64
# Sections of networks that tell how good images are: any may be chosen afterwards.
MEASURING = ("features", "lpips")


class Trial(NamedTuple):
    """What is judged, on what.

    Attributes:
        task, state: the network.
        data: the evaluations.
        batch_size: examples of all devices.
        protocol: how images are chosen and prepared, in sentences.
        step: of a run's checkpoint.
        seed: of the corruptions.
        workers: processes that read images, 0 for threads.
    """

    task: Any  # a Task: mypy finds its attributes in no frozen dataclass
    state: TrainState
    data: Evaluations
    batch_size: int
    protocol: str
    step: int | None = None
    seed: int = 0
    workers: int = 0


def evaluate(
    source: str,
    *,
    folder: str = "",
    split: str = "",
    checkpoint: str = "newest",
    preprocessing: str = "",
    classes: str = "",
    corruptions: str = "",
    severity: str = "",
    lpips: str = "",
    batch_size: int = 0,
    workers: int = 0,
    skip_bad: bool = False,
    out: str = "",
    overrides: Mapping[str, str] | None = None,
) -> Evaluation:
    """Evaluates every example exactly once.

    The result, with a table of the classes, is also written: to `out`, with a page of
    pictures; of a run on its own data by default to evaluation-<split>-<step>.json and
    .csv in its folder, of generated images evaluation-<split>-<step>-<features>.

    Args:
        source: a run folder, or what `from_pretrained` takes.
        folder: images in class folders; '' for a run's own data.
        split: folder/<split>/ holds the class folders; without a folder a split of the
            run's data, '' for the evaluations of its config.
        checkpoint: of a run: 'newest', 'best' or a step.
        preprocessing: for weights that do not say it, see classifier.
        classes: a file with the name of each class's folder in a line, in the order of
            the network's outputs.
        corruptions: 'all' or names of CORRUPTIONS, separated by commas: the accuracy
            under each is measured too.
        severity: of the corruptions, '1,3,5'; '' for all five.
        lpips: 'alexnet', 'vgg16', or a file of weights of one of them: LPIPS of a run's
            restored images is measured too, as by the field lpips.source.
        batch_size: examples per batch; 0 for the run's, or 64 per device.
        workers: processes that read images of a folder; 0 for threads.
        skip_bad: leave unreadable images of a folder out, instead of stopping.
        out: a folder to write to.
        overrides: config fields of a run that lie elsewhere now, such as
            {'data.source.path': '/new/place.npz'}; only these, and what is measured
            by (`features`, `lpips`), may change.

    Raises:
        ValueError: the source, the checkpoint, the split or the data is not there, or
            they do not fit each other.
    """
    kinds = read_corruptions(corruptions, severity)
    overrides = {**(overrides or {}), **({"lpips.source": lpips} if lpips else {})}
    where = pathlib.Path(out).expanduser() if out else None
    if where and (is_run(where) or (where / "config.json").exists()):
        raise ValueError(f"--out='{out}' holds a run or weights; name another folder.")
    if not folder and (classes or workers or skip_bad):
        raise ValueError(
            "--classes, --workers and --skip-bad are for --folder=FOLDER; what a run "
            "reads is set by --config.data and --config.run."
        )
    if folder:
        if overrides:
            raise ValueError(
                f"--config.{next(iter(overrides))} is of a run's own data; with "
                "--folder there is no config."
            )
        classifier = open_classifier(source, checkpoint, warn, preprocessing)
        if classes:
            classifier = classifier.with_names(read_names(classes))
        rest = (folder, split, batch_size, workers, skip_bad)
        trial = on_folder(classifier, *rest)
    elif is_run(source):
        trial = on_own_data(source, checkpoint, split, batch_size, overrides)
    else:
        classifier = open_classifier(source, checkpoint, warn, preprocessing)
        raise ValueError(
            f"'{classifier.source}' has no data of its own: give --folder=FOLDER with "
            "images in class folders."
        )
    if where is None and is_run(source) and not folder:
        where = absolute(source)
    stem = "-".join(["evaluation", split or "-".join(trial.data.evals)])
    stem += "" if trial.step is None else f"-{trial.step}"
    if isinstance(trial.task, Gan):  # in other features other numbers
        stem += f"-{trial.task.evaluation.network.name.replace('/', '-')}"
    return judge(trial, source, kinds, where, stem, page=bool(out))


def judge(trial: Trial, source: str, kinds, where, stem: str, page: bool) -> Evaluation:
    """Runs the trial, and the corruptions; writes to a folder where one is given."""
    task, data = trial.task, trial.data
    if kinds:
        check_task(task)
    watched = Watched(data)
    evaluator = Evaluator(task, watched, trial.batch_size, keys(trial.seed)["eval"])
    state = evaluator.prepare(trial.state)
    sums = evaluator(state)
    metrics = task.summarize(sums)
    if isinstance(task, Classification):
        metrics |= in_full(task, sums)
    compared = protocols(trial)
    sentences = [f"{name}: {each}" for name, each in compared.items()]
    if isinstance(task, Restoration | Paired):
        sentences += task.fidelity.sentences(sums)
    protocol = " ".join([trial.protocol, *sentences, *uncounted(data, metrics)])
    result = Evaluation(source, trial.step, protocol, metrics)
    if compared:
        result["protocols"] = {name: each.record() for name, each in compared.items()}
    if kinds:
        result["robustness"] = measure(
            evaluator,
            state,
            data,
            kinds,
            trial.batch_size,
            trial.seed,
            trial.workers,
        )
    if where is not None and jax.process_index() == 0:
        figures = task.figures(sums)
        save(result, figures, data, kinds, where, stem, trial.seed, page)
    return result


def in_full(task: Classification, sums: Mapping) -> dict[str, float]:
    """All that the accumulators know; training logs less of it."""
    return {
        f"{name}/{key}": value
        for name, found in sums.items()
        for part, metric in task.metrics.items()
        for key, value in metric.summary(found[part]).items()
    }


def protocols(trial: Trial) -> dict[str, Protocol]:
    """How generated images were compared with real ones, by evaluation."""
    task = trial.task
    if not isinstance(task, Gan):
        return {}
    network, side = task.evaluation.network, task.game.generator.resolution
    variables = (trial.state.frozen or {}).get("features")
    return {
        name: Protocol(
            reference=repr(reader.source),
            num_real=len(reader.source),
            num_fake=len(reader.source),
            features=network.name,
            digest="no weights" if variables is None else weights_digest(variables),
            resize=network.resize_of((side, side)),
            size=(side, side),
            ema=bool(task.averaging),
            seed=trial.seed,
            sampled=MOST,
        )
        for name, reader in trial.data.readers.items()
    }


def uncounted(data: Evaluations, metrics: Mapping[str, float]) -> Iterator[str]:
    """A sentence for each evaluation that did not count all of its examples."""
    for name, reader in data.readers.items():
        total = len(reader.source)
        if missing := total - int(metrics.get(f"{name}/examples", total)):
            yield (
                f"{missing:,} of {total:,} images of '{name}' are not counted: they "
                "cannot be read, or have no label."
            )


def on_own_data(
    run: str,
    checkpoint: str,
    split: str,
    batch_size: int,
    overrides: Mapping[str, str],
) -> Trial:
    """A run on the evaluations of its config, or on another split."""
    for field in overrides:
        if not field.startswith(("data.", "run.", *(f"{name}." for name in MEASURING))):
            raise ValueError(
                f"config.{field} is part of what was trained; only config.data, "
                "config.run, config.features and config.lpips can be set for an "
                "evaluation."
            )
    loaded = load(run, checkpoint, warn)
    config = configs.ConfigDict({**dict.fromkeys(MEASURING), **loaded.config})
    for field, text in overrides.items():
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
    task, state = loaded.task, loaded.state
    if any(plain.get(name) for name in MEASURING):
        helpers = read_helpers(plain, loaded.spec, MEASURING)
        networks = {name: each.network for name, each in helpers.items()}
        plain["run"]["parallel"] = "jit"
        task = build_task(plain, loaded.spec, networks)
        frozen = {name: each.variables for name, each in helpers.items()}
        state = dataclasses.replace(state, frozen=frozen)
    # Networks of images to images take them as they come.
    fixed = isinstance(task, Classification | Gan)
    how = in_words(data.spec) if fixed else ""
    counted = [f"{len(r.source):,} of {r.source!r}" for r in data.readers.values()]
    return Trial(
        task=task,
        state=state,
        data=data,
        batch_size=plan.batch_size,
        protocol=f"Images: {'; '.join(counted)}; each counted once. {how}".rstrip(),
        step=loaded.step,
        seed=plan.seed,
    )


def on_folder(
    classifier: Classifier,
    folder: str,
    split: str,
    batch_size: int,
    workers: int,
    skip_bad: bool,
) -> Trial:
    """A classifier on images in class folders, prepared as it was trained.

    Raises:
        ValueError: the folders are not there, or do not fit the classes.
    """
    images = open_folder(split or "all", root=folder, channels=classifier.channels)
    names = classifier.names
    outputs, how = match_classes(
        images.class_names, names, classifier.named, f"'{classifier.source}'"
    )
    if not classifier.named and outputs == tuple(range(len(names))):
        classifier = classifier.with_names(images.class_names)
        names = classifier.names
    view = View(images, classifier.prepare, outputs, names)
    reader = Reader(view, (), False, skip_bad, "--skip-bad")
    batch_size = batch_size or ROWS_PER_DEVICE * jax.device_count()
    data = Evaluations(
        {split or "folder": reader},
        batch_size=batch_size,
        workers=workers,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )
    count = len(images.class_names)
    some = "" if count == len(names) else f" of the network's {len(names):,}"
    return Trial(
        task=classifier.task,
        state=classifier.state,
        data=data,
        batch_size=batch_size,
        protocol=f"Images: {len(images):,} of {images!r} in {count:,} classes{some}, "
        f"matched {how}; each counted once. {classifier.sentence}",
        step=classifier.step,
        workers=workers,
    )


def read_names(path: str) -> tuple[str, ...]:
    """The lines of a text file.

    Raises:
        ValueError: there is no such file.
    """
    file = pathlib.Path(path)
    if not file.is_file():
        raise ValueError(f"--classes: there is no file '{path}'.")
    return tuple(filter(None, map(str.strip, file.read_text().splitlines())))


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
            f"{spec.source} has the classes {few(spec.class_names, 3)}, the run was "
            f"trained on {few(trained.class_names, 3)}; choose data with the same."
        )
