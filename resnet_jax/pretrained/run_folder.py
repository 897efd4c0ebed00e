"""A run of `resnet-jax train` as pretrained weights."""

import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from etils import epath

from resnet_jax.files import absolute
from resnet_jax.pretrained.description import Description
from resnet_jax.pretrained.preprocessing import Preprocessing
from resnet_jax.pretrained.torch_weights import to_torch
from resnet_jax.spec import DataSpec


def read_run(
    path: epath.PathLike, checkpoint: str = "newest", direction: str = ""
) -> tuple[Description, dict[str, np.ndarray]]:
    """The network of a run and its weights, the averaged ones where it keeps them.

    Args:
        path: the run folder.
        checkpoint: 'newest', 'best' or a step.
        direction: 'ab' or 'ba' of a run between two domains; '' for 'ab'.

    Raises:
        ValueError: there is no checkpoint or direction, or the run has no single
            network.
    """
    # Checkpoint libraries are loaded when a run is read.
    from resnet_jax.run import load

    run = load(path, checkpoint)
    state = run.task.prepare_eval(run.state, (), jax.random.key(0))
    record = {"resnet_jax": _record(path, run)}
    if hasattr(run.task, "network"):
        _, variables = run.task.network(state, direction)
        fields = dict(run.config.get("generator") or run.config["model"])
        description = Description(
            model=fields.pop("name"),
            fields=fields,
            degradation=run.config.get("degradation"),
            statistics=getattr(run.task, "test_statistics", "running"),
            facts=record,
        )
        return description, to_torch(variables)
    if direction:
        raise ValueError(
            f"--direction={direction}: '{path}' is no run between two domains; leave "
            "it out."
        )
    if list(state.nets) != ["model"]:
        raise ValueError(
            f"run '{path}' has the networks {', '.join(state.nets)}; expected a run "
            "with one, such as a classifier."
        )
    net = state.nets["model"]
    fields = dict(run.config["model"])
    description = Description(
        model=fields.pop("name"),
        fields=fields,
        preprocessing=prepared_for(run.spec),
        class_names=tuple(getattr(run.task, "class_names", ())),
        facts=record,
    )
    return description, to_torch({"params": net.params, **net.stats})


def _record(path: epath.PathLike, run: Any) -> dict[str, Any]:
    """How the weights came about: what the run folder says of itself."""
    from resnet_jax.config import to_json

    record = {
        "config": to_json(run.config),
        "step": run.step,
        "data": run.spec.source,
        "metrics": {},
    }
    metrics, about = (absolute(path) / f for f in ("metrics.jsonl", "environment.json"))
    for line in metrics.read_text().splitlines() if metrics.exists() else ():
        row = json.loads(line)
        if row.pop("step") == run.step:
            tested = {k: v for k, v in row.items() if k.split("/")[0] in run.spec.sizes}
            tested = {k: v for k, v in tested.items() if not k.startswith("train/")}
            record["metrics"] |= tested
    if about.exists():
        last = json.loads(about.read_text())[-1]
        kept = ("title", "command", "commit", "device", "devices", "versions")
        record |= {key: last[key] for key in kept if last.get(key)}
    return record


def prepared_for(spec: DataSpec) -> Preprocessing:
    """What a run's evaluation does to an image, from its data's spec.

    Where the run resized and cropped nothing, neither does this.

    Raises:
        ValueError: the spec has a transform that no preprocessing can express.
    """
    transforms: Mapping[str, Mapping[str, Any]] = spec.transforms
    if other := set(transforms) - {"resize", "center_crop"}:
        raise ValueError(
            f"the run's evaluation has the transforms {', '.join(sorted(other))}, "
            "which no preprocessing of pretrained weights can say."
        )
    height, width, channels = spec.shapes["image"]
    resize = dict(transforms.get("resize", {}))
    size, mode = resize.get("size"), "none"
    if size is not None and not isinstance(size, int):
        height, width = size = tuple(size)
        mode = "squash"
    if "center_crop" in transforms:
        height = width = transforms["center_crop"]["size"]
        mode = "squash" if mode == "squash" else "center"
    return Preprocessing(
        input_size=(height, width, channels),
        resize=size,
        interpolation=resize.get("filter", "bilinear"),
        crop_mode=mode,
        mean=tuple(spec.mean),
        std=tuple(spec.std),
    )
