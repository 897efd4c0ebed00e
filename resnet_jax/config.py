"""Configs: found by name, made, stored as JSON, compared."""

import ast
import dataclasses
import difflib
import inspect
import pathlib
import runpy
from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from resnet_jax.lookup import describe, fits, suggest
from resnet_jax.plan import Options


def new_config() -> ConfigDict:
    """The fields that every experiment has; a config file fills in the rest.

    Top level: what makes the numbers. `run`: what does not, and may change between
    a run and its continuation.
    """
    config = ConfigDict()
    config.seed = 0
    config.batch_size = 128
    config.total_steps = 1
    config.best = ("test/accuracy", "max")
    config.patience = 0
    config.init_from = ""
    config.teacher = None
    config.features = None
    config.perceptual = None
    config.lpips = None
    config.run = dataclasses.asdict(Options())
    return config


def smoke(config: ConfigDict, size: int = 32) -> ConfigDict:
    """Shrinks an experiment to four steps of eight images, without downloads.

    What is tried is the recipe's wiring, not its numbers. Data that would have to be
    there already is replaced by the photographed textures, pairs by textures with noise
    and two domains by brick and grass; without weights that would have to be there the
    run begins anew, and learns from the labels, or from the pixels of targets. Networks
    that make images, and those that judge them, are made narrow and short.

    Args:
        config: changed in place and returned.
        size: of the texture patches, in pixels.
    """
    config.update(batch_size=8, total_steps=4, init_from="")
    config.teacher = config.features = config.perceptual = config.lpips = None
    config.run.update(log_every=1, eval_every=4, save_every=2, workers=0)
    if config.data.source.name != "digits":
        _use_textures(config, size)
    for name, section in config.items():
        if not isinstance(section, ConfigDict):
            continue
        if name in ("generator", "discriminator", "model"):
            with section.ignore_type():  # a width per stage becomes one for all
                section.update(_narrow(section))
        norm, schedule = section.get("norm"), section.get("schedule")
        if isinstance(norm, ConfigDict) and "group_size" in norm:
            norm.group_size = config.batch_size
        if isinstance(schedule, ConfigDict):
            schedule.update({k: 1 for k in ("warmup", "hold") if k in schedule})
    return config


def _use_textures(config: ConfigDict, size: int) -> None:
    """Replaces the data by patches of textures, as many sets as there were."""
    kind, data = config.data.source.name, config.data
    patches = {"name": "textures", "patch": size, "samples_per_example": 16}
    source: dict[str, Any] = dict(patches)
    splits = {"test": "test"}
    if kind == "domains":
        source = {"name": kind, "source": patches, "a": "brick", "b": "grass"}
        splits = {"a": "testA", "b": "testB"}
    elif kind == "pairs":
        config.degradation = ConfigDict({"name": "noise"})
    elif config.get("degradation", {}).get("name") == "colorless":
        source = {**patches, "name": "photos"}
    data.source = ConfigDict(source)
    data.train = _on_patches(data.train, size)
    data.evals = ConfigDict(
        {name: {"split": split, "transforms": {}} for name, split in splits.items()}
    )
    if not isinstance(data.mean, float):
        data.mean = data.std = None  # one channel instead of three
    metric, sign = config.best
    config.best = (f"{[*splits][-1]}/{metric.rpartition('/')[2]}", sign)


# Fields that make a network small, by the first letters of its name. Grouped
# convolutions are slow on CPUs.
SMALL: dict[str, dict[str, Any]] = {
    "cyclegan": {"width": 8, "blocks": 2},
    "dncnn": {"width": 8, "depth": 4},
    "edsr": {"width": 8, "blocks": 1},
    "esrgan": {"width": 8, "hidden": 8},
    "msrresnet": {"width": 8, "blocks": 1},
    "patchgan": {"width": 8, "layers": 2},
    "r3gan": {"width": 8, "blocks": 1, "group_size": 4},
    "rcan": {"width": 16, "blocks": 1, "groups": 1},
    "rrdb": {"width": 8, "blocks": 1, "growth": 8},
    "srgan": {"width": 8, "hidden": 8},
    "srresnet": {"width": 8, "blocks": 1},
    "unet": {"width": 8, "depth": 4},
    **{name: {"width": 8} for name in ("biggan", "dcgan", "sagan", "sngan", "wgan_gp")},
}


def _narrow(network: ConfigDict) -> dict[str, Any]:
    """Fields of a small network of the same kind; none of a classifier."""
    found = (small for name, small in SMALL.items() if network.name.startswith(name))
    return next(found, {})


def _on_patches(train: ConfigDict, size: int) -> ConfigDict:
    """The training data of a recipe, of patches that need not be cut to size."""
    crops = {"random_resized_crop", "scale_crop", "random_crop"}
    crops |= {"resize", "center_crop", "crop_multiple"}
    fields = train.to_dict()
    kept = {k: v for k, v in (fields.get("transforms") or {}).items() if k not in crops}
    fields.update(split="train", transforms=kept)
    if fields.get("progressive"):
        kept["random_resized_crop"] = {"size": size}
        fields["progressive"] = {"sizes": (size // 2, size), "boundaries": (2,)}
    return ConfigDict(fields)


def folders() -> list[pathlib.Path]:
    """Where shipped configs lie: inside the wheel, or at the top of a checkout."""
    here = pathlib.Path(__file__).resolve().parent
    return [d for d in (here / "configs", here.parent / "configs") if d.is_dir()]


def names() -> list[str]:
    """The names of the shipped configs."""
    found = {file.stem for folder in folders() for file in folder.glob("*.py")}
    return sorted(found - {"__init__"})


def find(name: str) -> str:
    """The path of a config given by path or by shipped name, ':variant' kept.

    A path that exists comes first: a shipped name never shadows a user's file.

    Raises:
        ValueError: there is neither.
    """
    text, colon, variant = name.partition(":")
    path = pathlib.Path(text)
    if path.is_file() and path.suffix != ".py":
        raise ValueError(
            f"config '{text}' is no Python file; expected one with a function "
            "get_config(), or the name of a shipped config."
        )
    if path.is_file():
        return name
    if path.parts[:-1] in ((), ("configs",)):
        for folder in folders():
            file = folder / f"{path.name.removesuffix('.py')}.py"
            if file.is_file():
                return f"{file}{colon}{variant}"
    hint = suggest(path.stem, names())
    raise ValueError(f"config '{text}' is neither a file nor a shipped config. {hint}")


def read(name: str) -> ConfigDict:
    """The config of a path or shipped name; what follows a ':' goes to get_config.

    An exception inside the file's own code keeps its traceback.

    Raises:
        ValueError: the file is not there, has no get_config function, one that returns
            something else, or no such variant.
    """
    path, _, variant = find(name).partition(":")
    get_config = runpy.run_path(path).get("get_config")
    if get_config is None:
        raise ValueError(f"'{path}' has no get_config() function; a config needs one.")
    config = get_config()
    if not isinstance(config, ConfigDict):
        raise ValueError(
            f"get_config() of '{path}' returns {config!r}; expected a ConfigDict, such "
            "as new_config() makes."
        )
    if not variant:
        return config
    takes_one = bool(inspect.signature(get_config).parameters)
    varied = get_config(variant) if takes_one else config
    if varied == config:
        raise ValueError(
            f"config '{path}' has no variant '{variant}': its get_config() makes "
            "nothing else of it; see there which it has."
        )
    return varied


def override(config: ConfigDict, name: str, text: str) -> None:
    """Sets one field as the command line gives it: 'optim.schedule.base', '0.05'.

    A field keeps its type (an int may become a float). A field that a section does not
    have yet is added: whether it takes it, its constructor says.

    Raises:
        ValueError: there is no such section, the value is of another type, or the name
            leads into a value.
    """
    *parents, last = name.split(".")
    if (first := name.partition(".")[0]) not in config:
        raise ValueError(f"the config has no '{first}'. {_hint(config, first)}")
    section = config
    for parent in parents:
        if section.get(parent) is None:
            section[parent] = ConfigDict()
        section = section[parent]
        if not isinstance(section, ConfigDict):
            raise ValueError(f"config.{name}: '{parent}' is a value, not a section.")
    old = section.get(last)
    new = _parse(text, old)
    if isinstance(old, ConfigDict) and new is not None:
        inside = ", ".join(f"config.{name}.{key}" for key in old) or "a field of it"
        raise ValueError(f"config.{name} is a section; set {inside}.")
    if old is not None and new is not None and not isinstance(old, ConfigDict):
        if not fits(new, type(old)):
            kind = describe(type(old))
            raise ValueError(
                f"config.{name} is {text!r}; expected {kind}, such as {old!r}."
            )
        new = type(old)(new)
    with config.ignore_type():
        section[last] = new


def _hint(config: ConfigDict, name: str) -> str:
    """The section or field of a similar name, wherever it is."""
    known = {field.rpartition(".")[2]: field for field, _ in leaves(config)}
    known |= {field: field for field in config}
    close = difflib.get_close_matches(name, known, 1)
    return f"Did you mean config.{known[close[0]]}?" if close else suggest("", config)


def _parse(text: str, old: Any) -> Any:
    if isinstance(old, str):
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lower() == "none":
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def to_json(value: Any) -> Any:
    """Plain JSON values; tuples are tagged, so that from_json gives them back.

    Raises:
        ValueError: a value that is neither number, text, tuple, list nor section.
    """
    if isinstance(value, Mapping | ConfigDict):
        return {key: to_json(value[key]) for key in value}
    if isinstance(value, tuple):
        return {"__tuple__": [to_json(v) for v in value]}
    if isinstance(value, list):
        return [to_json(v) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a config holds {value!r}; expected numbers, text and sections.")


def from_json(value: Any) -> Any:
    """The plain dict that to_json was given; nothing in it is executed."""
    if isinstance(value, dict):
        if value.keys() == {"__tuple__"}:
            return tuple(from_json(v) for v in value["__tuple__"])
        return {key: from_json(v) for key, v in value.items()}
    if isinstance(value, list):
        return [from_json(v) for v in value]
    return value


def leaves(config: Mapping, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """('data.source.name', value) of every field, sections opened."""
    for key in sorted(config):
        value = config[key]
        if isinstance(value, Mapping | ConfigDict) and len(value):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def differences(saved: Mapping, now: Mapping) -> dict[str, tuple[Any, Any]]:
    """Fields outside `run` that differ: {name: (saved, now)}, None where absent."""
    old, new = dict(leaves(saved)), dict(leaves(now))
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if not name.startswith("run.") and old.get(name) != new.get(name)
    }
