"""Weights as a folder that timm, transformers and from_pretrained read."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from resnet_jax import __version__
from resnet_jax.pretrained.adaptation import channels_of
from resnet_jax.pretrained.description import ARGUMENTS, LIBRARY
from resnet_jax.pretrained.hub import CONFIG, WEIGHTS, hub_library
from resnet_jax.pretrained.load import Pretrained
from resnet_jax.pretrained.model_card import CARD, model_card
from resnet_jax.pretrained.timm_tags import TAGS
from resnet_jax.pretrained.torch_weights import HEAD_KEYS, STEM_KEYS, to_torch

# Fields that change training, precision or speed, and not what is computed.
NEUTRAL = (
    *("num_classes", "dtype", "zero_init", "kernel_init", "axis_name", "remat"),
    *("scan_blocks", "space_to_depth", "image_size"),
    *("dropout", "drop_path", "drop_block", "block_dropout", "frozen_stages"),
)
LICENSE = "apache-2.0"


def in_timm(source: Pretrained) -> bool:
    """Whether timm has the network, with fields that it has too."""
    fields = dict(source.description.fields)
    if fields.get("norm") in ("batch", {"name": "batch"}):
        fields.pop("norm")
    known = (*NEUTRAL, *ARGUMENTS.values())
    return source.description.model in TAGS and all(name in known for name in fields)


def export(
    source: Pretrained, folder: pathlib.Path, name: str = "", timm: bool = False
) -> None:
    """Writes config.json, model.safetensors and README.md.

    Args:
        source: what to write.
        folder: new or empty.
        name: of the model, for its card; by default the folder's.
        timm: in timm's form, which needs in_timm; else in ours.

    Raises:
        ValueError: the folder has something in it, or cannot be written to.
    """
    from safetensors.numpy import save

    weights = to_torch(source.variables)
    config = timm_config(source, weights) if timm else own_config(source)
    license = source.description.facts.get("license") or LICENSE
    # Older readers of safetensors ask for a format.
    content = {
        CONFIG: (json.dumps(config, indent=2, default=_plain) + "\n").encode(),
        WEIGHTS[0]: save(_counted(weights), metadata={"format": "pt"}),
        CARD: model_card(source, name or folder.name, timm, license).encode(),
    }
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(f"folder '{folder}' is not empty; name a new one.")
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in content.items():
            (folder / file).write_bytes(data)
    except OSError as error:
        raise ValueError(f"cannot write to '{folder}' ({error.strerror}).") from error


def timm_config(
    source: Pretrained, weights: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """timm's config.json, which transformers reads as well."""
    description, model = source.description, source.model
    channels = channels_of(weights) or 3
    prepared = description.preprocessing
    height, width, _ = prepared.input_size if prepared else model.input_shape
    last = model.feature_info[-1]
    # transformers takes the channels from model_args; never num_classes, which it
    # would then pass twice.
    arguments: dict[str, Any] = {"in_chans": channels} if channels != 3 else {}
    if "output_stride" in description.fields:
        arguments["output_stride"] = description.fields["output_stride"]
    first = next(key for key in STEM_KEYS if key in weights)
    head = next((key for key in HEAD_KEYS if key in weights), "")
    names = description.class_names
    kept = {k: v for k, v in description.facts.items() if k != "resnet_jax"}
    return {
        "architecture": description.model,
        "num_classes": model.num_classes,
        "num_features": last["num_chs"],
        "global_pool": "avg",
        **({"label_names": names} if names and len(names) == model.num_classes else {}),
        **({"model_args": arguments} if arguments else {}),
        "pretrained_cfg": {
            "tag": "resnet_jax",
            "custom_load": False,
            "input_size": [channels, height, width],
            "fixed_input_size": False,
            **(prepared.to_timm() if prepared else {}),
            "num_classes": model.num_classes,
            "pool_size": [math.ceil(n / last["reduction"]) for n in (height, width)],
            "first_conv": first.removesuffix(".weight"),
            "classifier": head.removesuffix(".weight") or None,
            "license": LICENSE,
            **kept,
        },
        "resnet_jax": _ours(description.facts),
    }


def own_config(source: Pretrained) -> dict[str, Any]:
    """Our own config.json, for any network."""
    description = source.description
    prepared, names = description.preprocessing, description.class_names
    return {
        "library": LIBRARY,
        "model": {"name": description.model, **description.fields},
        "preprocessing": prepared and dataclasses.asdict(prepared),
        **({"label_names": names} if names else {}),
        **({"degradation": undone} if (undone := description.degradation) else {}),
        **({"statistics": how} if (how := description.statistics) else {}),
        "license": description.facts.get("license") or LICENSE,
        "resnet_jax": _ours(description.facts),
    }


def upload(
    folder: pathlib.Path,
    repository: str,
    private: bool = False,
    create_pr: bool = False,
) -> str:
    """Uploads a folder to the hub in one commit; a README.md already there stays.

    Args:
        folder: as `export` wrote it.
        repository: 'user/name', created if it is new.
        private: whether a new one is.
        create_pr: propose the commit instead of making it.

    Returns:
        The address of the commit.

    Raises:
        ValueError: huggingface_hub is not installed, or the hub refuses.
    """
    hub = hub_library()
    api = hub.HfApi(library_name=LIBRARY, library_version=__version__)
    try:
        made = api.create_repo(repository, private=private, exist_ok=True)
        keep = api.file_exists(made.repo_id, CARD)
        commit = api.upload_folder(
            repo_id=made.repo_id,
            folder_path=folder,
            commit_message=f"Weights of {folder.name}, by resnet_jax {__version__}",
            create_pr=create_pr,
            ignore_patterns=[CARD] if keep else None,
        )
    except (OSError, hub.errors.HFValidationError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(
            f"'{repository}' cannot be written to on the hub: {reason}. Log in with "
            f"`hf auth login`; the weights are in '{folder}'."
        ) from error
    return str(commit)


def _counted(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With the batch counters of PyTorch's norms, which transformers would miss."""
    norms = [key.rpartition(".")[0] for key in weights if key.endswith("running_mean")]
    counters = {f"{norm}.num_batches_tracked": np.zeros((), np.int64) for norm in norms}
    return {**weights, **counters}


def _ours(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": __version__, **facts.get("resnet_jax", {})}


def _plain(value: Any) -> Any:
    """What JSON does not know: frozen sections, NumPy's numbers, types by name."""
    if hasattr(value, "items"):
        return dict(value)
    return value.item() if hasattr(value, "item") else str(value)
