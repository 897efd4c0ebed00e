"""Configs: found by name, made, stored as JSON, compared."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from resnet_jax.lookup import suggest


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
    config.init_from = ""
    config.run = dict(
        log_every=50,
        eval_every=1000,
        save_every=1000,
        keep=2,
        parallel="jit",
        workers=0,
        deterministic=False,
        on_nonfinite="stop",
        profile=(0, 0),
        tensorboard=True,
    )
    return config


def smoke(config: ConfigDict) -> ConfigDict:
    """Shrinks an experiment to seconds on data that needs no download.

    What is tried is the recipe's wiring, not its numbers: four steps of eight patches
    of the photographed textures, with the config's own model, loss and schedule.
    """
    size = 32 if str(config.model.name).endswith(tuple("0246")) else 64
    config.batch_size = 8
    config.total_steps = 4
    config.data.source = ConfigDict({"name": "textures", "patch": size})
    config.data.train = ConfigDict({"split": "train", "transforms": {"flip": {}}})
    config.data.evals = ConfigDict({"test": {"split": "test", "transforms": {}}})
    config.run.update(log_every=1, eval_every=4, save_every=2)
    return config


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
    if path.is_file():
        return name
    if path.parts[:-1] in ((), ("configs",)):
        for folder in folders():
            file = folder / f"{path.name.removesuffix('.py')}.py"
            if file.is_file():
                return f"{file}{colon}{variant}"
    hint = suggest(path.stem, names())
    raise ValueError(f"config '{text}' is neither a file nor a shipped config. {hint}")


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
    """Fields outside `run` whose values differ: {name: (saved, now)}, None if absent."""
    old, new = dict(leaves(saved)), dict(leaves(now))
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if not name.startswith("run.") and old.get(name) != new.get(name)
    }
