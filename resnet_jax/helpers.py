"""Trained networks that help a run and are not trained by it."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import flax.linen as nn
import jax

from resnet_jax.features import FeatureNetwork
from resnet_jax.files import is_run
from resnet_jax.pretrained import from_pretrained
from resnet_jax.pretrained.feature_weights import load_feature_weights
from resnet_jax.pretrained.lpips import load_lpips_heads
from resnet_jax.run import HELPERS, load
from resnet_jax.scorer import open_scorer, weights_digest
from resnet_jax.spec import DataSpec
from resnet_jax.tasks import Classification, Teacher
from resnet_jax.tasks.lpips import LpipsNetwork


@dataclasses.dataclass(frozen=True)
class Helper:
    """A teacher, or a network in which images are compared.

    Attributes:
        source: where it comes from.
        network: what a task asks.
        variables: its params and statistics, for the state's `frozen`.
    """

    source: str
    network: Teacher | FeatureNetwork | nn.Module | LpipsNetwork
    variables: Mapping[str, Any]

    def described(self) -> dict[str, str]:
        """What a checkpoint keeps of it: source and digest."""
        return {"source": self.source, "digest": weights_digest(self.variables)}


def read_helpers(
    config: Mapping, spec: DataSpec, sections: Iterable[str] = HELPERS
) -> dict[str, Helper]:
    """The networks that a config's sections ask for, by section.

    Args:
        config: of the run.
        spec: of its data, whose channels the networks get.
        sections: which are wanted.

    Raises:
        ValueError: a section has no source, or nothing usable is there.
    """
    found: dict[str, Helper] = {}
    for name in sections:
        if not (section := config.get(name)):
            continue
        source = section.get("source")
        if name == "features" and source is None:
            continue
        if not isinstance(source, str) or not source:
            raise ValueError(
                f"{name}.source is {source!r}; expected a run folder, the name of "
                "pretrained weights, or a file of them."
            )
        match name:
            case "teacher":
                found[name] = _teacher(source, len(spec.mean))
            case "features":
                found[name] = _features(source)
            case "perceptual":
                found[name] = _perceptual(source)
            case "lpips":
                found[name] = _lpips(source, section.get("heads", ""))
    return found


def _features(source: str) -> Helper:
    try:
        scorer = open_scorer(source)
    except ValueError as error:
        raise ValueError(
            f"features.source: {error} Without features (--config.features=none) "
            "distances are measured in pixels, or not at all."
        ) from error
    return Helper(source, scorer.network, scorer.variables)


def _perceptual(source: str) -> Helper:
    try:
        weights = load_feature_weights(source)
    except ValueError as error:
        raise ValueError(
            f"perceptual.source: {error} Without it (--config.perceptual=none) features"
            " are no part of the loss."
        ) from error
    return Helper(source, weights.model, weights.variables)


def _lpips(source: str, heads: str) -> Helper:
    weights = load_feature_weights(source)
    learned, published = load_lpips_heads(weights.name, heads)
    published = published and weights.published
    network = LpipsNetwork(weights.name, weights.model, published)
    return Helper(source, network, {**weights.variables, "heads": learned})


def _teacher(source: str, channels: int) -> Helper:
    if is_run(source):
        run = load(source)
        state = run.task.prepare_eval(run.state, (), jax.random.key(0))
        if not isinstance(run.task, Classification):
            raise ValueError(f"teacher '{source}' is no classifier; choose one.")
        net, model = state.nets["model"], run.task.model
        variables = {"params": net.params, **net.stats}
        mean, std = run.spec.mean, run.spec.std
    else:
        model, variables, prepared = from_pretrained(source, in_channels=channels)
        if prepared is None:
            raise ValueError(
                f"nothing says which mean and std teacher '{source}' takes; put its "
                "config.json beside it."
            )
        mean, std = prepared.mean, prepared.std
        mean, std = (x * channels if len(x) == 1 else x for x in (mean, std))
    return Helper(source, Teacher(model, mean, std), variables)
