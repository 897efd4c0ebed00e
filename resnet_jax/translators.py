"""A finished network from images to images, whatever its weights come from."""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from etils import epath

from resnet_jax.degrade import create_degradation
from resnet_jax.files import is_run
from resnet_jax.lookup import suggest
from resnet_jax.models import MODELS, RESTORERS, TRANSLATORS
from resnet_jax.pretrained.load import Pretrained, load_pretrained
from resnet_jax.run import load
from resnet_jax.tasks.pair import Pair
from resnet_jax.translator import Translator

NETWORKS = {**RESTORERS, **TRANSLATORS}
STATISTICS = ("running", "batch")
SCHEMES = ("hf-hub:", "hf_hub:", "local-dir:")


def open_translator(
    source: epath.PathLike,
    checkpoint: str = "newest",
    direction: str = "",
    *,
    model: str = "",
    statistics: str = "",
    warn: Callable[[str], None] = lambda text: None,
) -> Translator:
    """The network of a run, or of weights, as a function of images in [0, 1].

    Args:
        source: a run folder; a file or folder of weights, or a repository of the hub,
            as from_pretrained takes them: such as the generators of
            pytorch-CycleGAN-and-pix2pix, EDSR, RCAN, SRResNet, ESRGAN and DnCNN.
        checkpoint: of a run: 'newest', 'best' or a step.
        direction: 'ab' or 'ba' for a run between two domains.
        model: the network's name, for weights that do not say it.
        statistics: of weights with batch norm: 'running', or 'batch' for each image's
            own and for dropout that stays on, as pix2pix tests. By default what is
            written beside the weights, else 'batch' for translators.
        warn: is told of damaged checkpoints that were passed over.

    Raises:
        ValueError: there is nothing of that name, it does something else, or an
            argument does not go with it.
    """
    name = os.fspath(source)
    if statistics not in ("", *STATISTICS):
        raise ValueError(f"statistics is '{statistics}'; expected running or batch.")
    if is_run(name):
        if model or statistics:
            raise ValueError(
                f"'{name}' is a run, which says its network and statistics itself; "
                "leave out --model and --statistics."
            )
        return _of_run(name, checkpoint, direction, warn)
    if checkpoint != "newest" or direction:
        raise ValueError(
            f"--checkpoint and --direction are for runs, and '{name}' is none: leave "
            "them out."
        )
    if model and model not in NETWORKS:
        fault = "makes no images of images" if model in MODELS else "is unknown"
        raise ValueError(f"model '{model}' {fault}. {suggest(model, NETWORKS)}")
    if not (name.startswith(SCHEMES) or pathlib.Path(name).expanduser().exists()):
        raise ValueError(
            f"there is no run, file or folder '{name}'; expected a --workdir of "
            "`resnet-jax train`, or weights."
        )
    return translator_of(load_pretrained(name, model=model), name, statistics)


def _of_run(name: str, checkpoint: str, direction: str, warn: Callable) -> Translator:
    run = load(name, checkpoint, warn)
    if not hasattr(run.task, "translator"):
        raise ValueError(
            f"'{name}' makes no images of images; name the run of a restoration or a "
            "translation."
        )
    state = run.task.prepare_eval(run.state, (), jax.random.key(0))
    return run.task.translator(state, direction)


def translator_of(
    weights: Pretrained, source: str = "", statistics: str = ""
) -> Translator:
    """Pretrained weights as a function of images in [0, 1].

    Args:
        weights: of a network in RESTORERS or TRANSLATORS.
        source: what messages call them.
        statistics: see open_translator.

    Raises:
        ValueError: they are of another network.
    """
    network, variables, about = weights
    if about.model not in NETWORKS:
        raise ValueError(
            f"the weights '{source}' are of '{about.model}', which makes no images of "
            "images; take those of a restorer or a translator."
        )
    translates = about.model in TRANSLATORS
    normalized = "batch_stats" in variables
    usual = "batch" if translates and normalized else "running"
    statistics = statistics or about.statistics or usual
    undone: Any = about.degradation
    if undone is None and translates and channels(network) == (1, 2):
        undone = "colorless"
    unit = 0.5 if translates else 0.0
    pair = Pair(unit, unit or 1.0, undone and create_degradation(undone))
    variables = jax.tree.map(jnp.asarray, variables)
    found = pair.translator(network, variables, statistics)
    own = ", each image's own statistics, dropout on" if statistics == "batch" else ""
    return dataclasses.replace(found, name=about.model + own)


def channels(network: Any) -> tuple[int, int]:
    """Of a translator's input and output."""
    return network.in_channels, network.out_channels
