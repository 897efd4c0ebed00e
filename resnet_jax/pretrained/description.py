"""What a config.json says of the weights beside it: timm's, and our own."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from resnet_jax.pretrained.preprocessing import Preprocessing

LIBRARY = "resnet-jax"
# timm's arguments of a network -> our fields; '' for those that weights or files say.
ARGUMENTS = {
    "in_chans": "",
    "num_classes": "",
    "global_pool": "",
    "zero_init_last": "",
    "pretrained": "",
    "output_stride": "output_stride",
    "drop_rate": "dropout",
    "drop_path_rate": "drop_path",
}


@dataclasses.dataclass(frozen=True)
class Description:
    """A network and how its images are prepared.

    Attributes:
        model: its name, see `list_models`.
        fields: of it, beside the name.
        preprocessing: None where nothing says it.
        class_names: of the outputs, () where nothing says them.
        label_offset: outputs before the first class, to be cut off.
        facts: whatever else is known: license, tag, metrics.
        degradation: the config section of what the network undoes, for one from images
            to images; None where nothing says it.
        statistics: of norms when such a network is used, see Translator.of; '' where
            nothing says it.
    """

    model: str
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] = ()
    label_offset: int = 0
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    degradation: Mapping[str, Any] | None = None
    statistics: str = ""


def read_description(path: pathlib.Path, test: bool = False) -> Description:
    """The description in a config.json.

    Args:
        path: of the file; timm's nested or old flat form, or our own schema.
        test: see Preprocessing.from_timm.

    Raises:
        ValueError: it is no JSON, or neither of these.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ValueError(f"'{path}' is no readable JSON: {error}.") from error
    if not isinstance(config, dict):
        raise ValueError(f"'{path}' is JSON, but no config of a network.")
    try:
        if config.get("library") == LIBRARY:
            return _ours(config)
        if "architecture" in config:
            return _timm(config, test)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"'{path}' does not fit: {error}.") from error
    if kind := config.get("model_type"):
        raise ValueError(
            f"'{path}' is of transformers' own '{kind}', whose tensors have other "
            "names; timm's weights are read, such as timm/resnet50.a1_in1k."
        )
    raise ValueError(
        f"'{path}' names no architecture; expected timm's config.json, or one of "
        "`resnet-jax convert`."
    )


def describes(path: pathlib.Path) -> bool:
    """Whether a file is a config.json of weights, rather than of something else."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return False
    keys = ("architecture", "library", "model_type")
    return isinstance(config, dict) and any(key in config for key in keys)


def _timm(config: Mapping[str, Any], test: bool) -> Description:
    flat = "pretrained_cfg" not in config
    details = dict(config if flat else config["pretrained_cfg"])
    arguments = dict(config.get("model_args") or {})
    if unknown := [name for name in arguments if name not in ARGUMENTS]:
        raise ValueError(f"model_args has {', '.join(unknown)}, which is not supported")
    fields = {ARGUMENTS[name]: value for name, value in arguments.items()}
    fields.pop("", None)
    if config.get("num_classes", details.get("num_classes")) == 0:
        fields["num_classes"] = 0
    names = [
        place.get(key)
        for place in (config, details)
        for key in ("label_names", "labels")
    ]
    preprocessing = Preprocessing.from_timm(details, test)
    if channels := arguments.get("in_chans"):
        preprocessing = preprocessing.for_channels(channels)
    kept = ("tag", "license", "description", "origin_url", "paper_ids")
    ours = {"resnet_jax": config["resnet_jax"]} if "resnet_jax" in config else {}
    return Description(
        model=str(config["architecture"]),
        fields=fields,
        preprocessing=preprocessing,
        class_names=_names(next((value for value in names if value), ())),
        label_offset=details.get("label_offset") or 0,
        facts={key: details[key] for key in kept if details.get(key)} | ours,
    )


def _names(names: Any) -> tuple[str, ...]:
    """A list, or a mapping of numbers to names."""
    if isinstance(names, Mapping):
        names = [names[key] for key in sorted(names, key=int)]
    return tuple(map(str, names))


def _ours(config: Mapping[str, Any]) -> Description:
    fields = dict(config["model"])
    prepared = config.get("preprocessing")
    facts = {k: config[k] for k in ("license", "resnet_jax") if k in config}
    undone = config.get("degradation")
    return Description(
        model=str(fields.pop("name")),
        fields={name: _tuples(value) for name, value in fields.items()},
        preprocessing=prepared and Preprocessing(**_tuples_in(prepared)),
        class_names=tuple(config.get("label_names", ())),
        degradation=undone and _tuples_in(undone),
        statistics=str(config.get("statistics", "")),
        facts=facts,
    )


def _tuples_in(section: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuples(value) for name, value in section.items()}


def _tuples(value: Any) -> Any:
    """Lists of JSON as tuples: a network's fields must be hashable."""
    if isinstance(value, Mapping):
        return _tuples_in(value)
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
