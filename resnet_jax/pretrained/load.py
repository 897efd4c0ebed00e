"""Pretrained weights by name, from the hub, a file, a folder or a run."""

import dataclasses
import difflib
import logging
import os
import pathlib
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import numpy as np

from resnet_jax.files import is_run
from resnet_jax.lookup import suggest
from resnet_jax.models import CLASSIFIERS, MODELS, RESTORERS, TRANSLATORS
from resnet_jax.pretrained.adaptation import (
    channels_of,
    num_classes_of,
    with_channels,
    with_classes,
    without_offset,
)
from resnet_jax.pretrained.description import Description, describes, read_description
from resnet_jax.pretrained.hub import (
    CONFIG,
    WEIGHTS,
    Access,
    fetch_repository,
)
from resnet_jax.pretrained.preprocessing import Preprocessing
from resnet_jax.pretrained.published import (
    TORCHVISION,
    download_torchvision,
    recognize,
)
from resnet_jax.pretrained.recognition import candidates
from resnet_jax.pretrained.run_folder import read_run
from resnet_jax.pretrained.timm_tags import TAGS
from resnet_jax.pretrained.torch_weights import from_torch
from resnet_jax.pretrained.weights_file import SUFFIXES, read_weights

logger = logging.getLogger(__name__)


class Pretrained(NamedTuple):
    """A network with its weights, and what is known of them."""

    model: nn.Module
    variables: dict[str, Any]
    description: Description


def from_pretrained(
    name: str | os.PathLike,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    num_classes: int | None = None,
    in_channels: int | None = None,
    test: bool = False,
    model: str = "",
) -> tuple[nn.Module, dict[str, Any], Preprocessing | None]:
    """A network with weights that someone trained, and how its images are prepared.

    Args:
        name: 'resnet50.a1_in1k', 'resnet50' (timm's default tag) or either after
            'timm/'; 'hf-hub:USER/REPOSITORY', 'hf_hub:...', with '@REVISION' if
            wanted; 'torchvision/resnet50.IMAGENET1K_V2'; 'local-dir:FOLDER'; the path
            of a weights file, of a folder with config.json, or of a run.
        revision: of the hub's repository: a branch, tag or commit.
        cache_dir: where downloads are kept, other than the usual place.
        token: of the hub; by default that of `hf auth login` or HF_TOKEN.
        local_files_only: no network.
        num_classes: of a new head, freshly initialized, if the weights have another
            number; 0 for none.
        in_channels: of the images; the first convolution is adapted as in timm.
        test: prepare images as the weights' authors tested, where that differs from
            training (test_input_size, test_crop_pct).
        model: the network's name, for a file or folder that does not say it.

    Returns:
        The module; its variables, float32 NumPy arrays; the preprocessing, None where
        nothing says what it was, and for networks from images to images, which take
        any size (see open_translator).

    Raises:
        ValueError: in one sentence: an unknown name, a file that is not there, is
            damaged or would run code, weights of another network.
    """
    access = Access(revision, cache_dir, token, local_files_only)
    classes = num_classes, in_channels
    loaded = load_pretrained(name, access, *classes, test, model=model)
    return loaded.model, loaded.variables, loaded.description.preprocessing


Found = tuple[Description, dict[str, np.ndarray]]


def load_pretrained(
    name: str | os.PathLike,
    access: Access | None = None,
    num_classes: int | None = None,
    in_channels: int | None = None,
    test: bool = False,
    checkpoint: str = "newest",
    direction: str = "",
    model: str = "",
    alike: bool = False,
) -> Pretrained:
    """As from_pretrained, with all that is known of the weights.

    Args:
        name, num_classes, in_channels, test, model: see from_pretrained.
        access: how downloads are made.
        checkpoint: of a run: 'newest', 'best' or a step.
        direction: 'ab' or 'ba' of a run between two domains.
        alike: take the first of several networks that have the same weights, where
            nothing but these is needed.
    """
    name = os.fspath(name)
    if model and model not in MODELS:
        raise ValueError(f"unknown model '{model}'. {suggest(model, MODELS)}")
    if checkpoint != "newest" or direction:
        found = read_run(name, checkpoint, direction)
    else:
        found = find(name, access or Access(), test, model, alike)
    return _build(name, found, num_classes, in_channels)


def _build(
    name: str, found: Found, num_classes: int | None, in_channels: int | None
) -> Pretrained:
    description, weights = found
    model, fields = description.model, dict(description.fields)
    if (num_classes, in_channels) != (None, None) and model not in CLASSIFIERS:
        raise ValueError(
            f"'{name}' holds '{model}', which is no classifier; expected one, whose "
            "classes and channels can be changed."
        )
    weights = {key: _float32(value) for key, value in weights.items()}
    if offset := description.label_offset:
        weights = without_offset(weights, offset)
    if in_channels is not None and in_channels != channels_of(weights):
        weights = with_channels(weights, in_channels)
        prepared = description.preprocessing
        prepared = prepared and prepared.for_channels(in_channels)
        description = dataclasses.replace(description, preprocessing=prepared)
    if num_classes is not None and num_classes != (old := num_classes_of(weights)):
        weights = with_classes(weights, num_classes, model, fields)
        logger.warning(
            "%s: its head of %d classes is replaced by a new one of %d, not trained",
            *(name, old, num_classes),
        )
        description = dataclasses.replace(description, class_names=())
    if model in CLASSIFIERS:
        fields["num_classes"] = num_classes_of(weights)
    try:
        module, variables = from_torch(model, weights, **fields)
    except ValueError as error:
        raise ValueError(f"weights '{name}': {error}") from error
    description = dataclasses.replace(description, fields=fields)
    return Pretrained(module, variables, description)


def find(
    name: str,
    access: Access,
    test: bool = False,
    model: str = "",
    alike: bool = False,
) -> Found:
    """What a name stands for: the description, and the state dict.

    A run comes first, as in every verb; then published names, before other folders
    and files of the same name.

    Raises:
        ValueError: see from_pretrained.
    """
    scheme, colon, rest = name.partition(":")
    hub = bool(colon) and scheme in ("hf-hub", "hf_hub")
    known = name.startswith(("timm/", "torchvision/")) or _is_known(name)
    if model and (hub or known or is_run(name)):
        raise ValueError(f"'{name}' says its network; leave out model '{model}'.")
    if is_run(name):
        return read_run(name)
    read = partial(_file, test=test, model=model, alike=alike)
    if scheme == "local-dir" and colon:
        return _folder(pathlib.Path(rest).expanduser(), read)
    if hub:
        return _repository(*_revision(rest, access), test)
    path = pathlib.Path(name).expanduser()
    if known:
        published = _torchvision if name.startswith("torchvision/") else _timm
        return published(name, access, test)
    if path.is_dir():
        return _folder(path, read)
    if path.is_file():
        return read(path)
    if "/" in name or path.suffix in SUFFIXES:
        more = f"; for the hub, write 'hf-hub:{name}'" if name.count("/") == 1 else ""
        raise ValueError(f"there is no file or folder '{name}'{more}.")
    return _timm(name, access, test)


def known_names() -> list[str]:
    """Names of weights that are published, for from_pretrained."""
    timm = [f"{name}.{tag}" for name, tags in TAGS.items() for tag in tags]
    vision = [
        f"torchvision/{n}.{tag}" for n, tags in TORCHVISION.items() for tag in tags
    ]
    return [*timm, *vision]


def _is_known(name: str) -> bool:
    """Whether a name is one of timm's, before any file of the same name."""
    return name.partition(".")[0] in TAGS and not name.endswith(SUFFIXES)


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 3, cutoff=0.0)
    return f"Closest: {', '.join(close)}."


def _timm(name: str, access: Access, test: bool) -> Found:
    plain, access = _revision(name.removeprefix("timm/"), access)
    model, _, tag = plain.partition(".")
    if model not in TAGS:
        published = [name for name, tags in TAGS.items() if tags]
        closest = _closest(plain, known_names() if tag else published)
        raise ValueError(f"there are no pretrained weights '{name}'. {closest}")
    if not (tag or TAGS[model]):
        raise ValueError(
            f"nobody published weights of '{model}'; create_model('{model}') makes the "
            "untrained network."
        )
    repository = f"timm/{model}.{tag or TAGS[model][0]}"
    try:
        return _repository(repository, access, test)
    except ValueError as error:
        if not tag or tag in TAGS[model]:
            raise
        closest = _closest(tag, TAGS[model])
        raise ValueError(f"{error} Tags of {model}: {closest}") from error


def _revision(name: str, access: Access) -> tuple[str, Access]:
    """Takes '@revision' off a name."""
    plain, at, revision = name.partition("@")
    return plain, dataclasses.replace(access, revision=revision) if at else access


def _repository(repository: str, access: Access, test: bool) -> Found:
    config, weights = fetch_repository(repository, access)
    return read_description(config, test), read_weights(weights)


def _torchvision(name: str, access: Access, test: bool) -> Found:
    model, _, tag = name.removeprefix("torchvision/").partition(".")
    tags = TORCHVISION.get(model, {})
    tag = [*tags, ""][-2] if tags and tag in ("", "DEFAULT") else tag
    if tag not in tags:
        vision = [n for n in known_names() if n.startswith("torchvision/")]
        raise ValueError(
            f"there are no pretrained weights '{name}'. {_closest(name, vision)}"
        )
    path = download_torchvision(model, tag, access.cache_dir, access.local_files_only)
    return _file(path, test)


def _folder(folder: pathlib.Path, read: Callable[[pathlib.Path], Found]) -> Found:
    if is_run(folder):
        return read_run(folder)
    if not folder.is_dir():
        raise ValueError(f"there is no folder '{folder}'.")
    preferred = [folder / name for name in WEIGHTS if (folder / name).is_file()]
    others = [
        path
        for suffix in SUFFIXES
        for path in sorted(folder.glob(f"*{suffix}"))
        if path.is_file()
    ]
    if not preferred and len({path.suffix for path in others}) < len(others[:2]):
        names = ", ".join(path.name for path in others[:5])
        raise ValueError(f"folder '{folder}' has several weights, {names}: name one.")
    if not (paths := [*preferred, *others]):
        raise ValueError(
            f"folder '{folder}' has no weights; expected {' or '.join(WEIGHTS)}, one "
            f"file with {', '.join(SUFFIXES)}, or a run of `resnet-jax train`."
        )
    return read(paths[0])


def _file(
    path: pathlib.Path, test: bool, model: str = "", alike: bool = False
) -> Found:
    """A weights file, with the config.json beside it or what its name says."""
    weights = read_weights(path)
    if model:
        return Description(model), weights
    if describes(config := path.parent / CONFIG):
        return read_description(config, test), weights
    if published := recognize(path):
        return Description(published.model, {}, published.preprocessing), weights
    return Description(_model_of(path, weights, alike)), weights


def _model_of(
    path: pathlib.Path, weights: dict[str, np.ndarray], alike: bool = False
) -> str:
    """The longest name of a network that the file's name begins with.

    Of networks from images to images the weights themselves say it, mostly.
    """
    names = [
        name
        for name in (*CLASSIFIERS, *TRANSLATORS, *RESTORERS)
        if re.match(re.escape(name) + r"(?![A-Za-z0-9])", path.name)
    ]
    if names:
        return max(names, key=len)
    found = candidates(weights)
    if len(found) == 1 or (found and alike):
        return found[0]
    if found:
        raise ValueError(
            f"'{path}' may hold {' or '.join(found)}, which the weights do not tell "
            "apart: say which by --model (model= in Python), or begin its name with "
            "the network's."
        )
    raise ValueError(
        f"'{path}' does not say which network it holds: put its {CONFIG} beside it,"
        f" or begin its name with the network's, as in resnet50-{path.name}."
    )


def _float32(value: np.ndarray) -> np.ndarray:
    """Weights of any floating type in float32; whole numbers stay."""
    whole = np.issubdtype(value.dtype, np.integer) or value.dtype == np.bool_
    return value if whole else value.astype(np.float32)
