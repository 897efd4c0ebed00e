"""A feature network with its weights, opened by name."""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.checkpoint import describe_leaves
from resnet_jax.classifier import Classifier, Prepared, open_classifier
from resnet_jax.compiler import compiler_options
from resnet_jax.features import FeatureNetwork, inception
from resnet_jax.pretrained.inception import load_inception

INCEPTION = "inception"


@dataclasses.dataclass(frozen=True)
class Scorer:
    """What images are compared by.

    Attributes:
        source: what was asked for, such as a run folder.
        network: the feature network.
        variables: its params and statistics.
        digest: of these, equal wherever they lie.
    """

    source: str
    network: FeatureNetwork
    variables: Any
    digest: str

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """`features` [B, D] and `logits` [B, K] of uint8 images [B, H, W, C]."""
        return jax.device_get(self._compiled(self.variables, jnp.asarray(images)))

    @functools.cached_property
    def _compiled(self) -> Callable:
        return jax.jit(self.network, compiler_options=compiler_options())


def open_scorer(
    source: str | os.PathLike,
    resize: str = "",
    preprocessing: str = "",
    warn: Callable[[str], None] = lambda text: None,
) -> Scorer:
    """A scorer by name.

    Args:
        source: 'inception', whose weights are looked for; 'inception:FILE'; a run of a
            classifier; or pretrained weights, see `from_pretrained`.
        resize: how images come to the network's size, a name in RESIZES; '' for
            'legacy' with Inception and 'clean' otherwise.
        preprocessing: of pretrained weights that do not say theirs, see classifier.
        warn: is told of damaged checkpoints that were passed over.

    Raises:
        ValueError: nothing usable is there; what to do is said.
    """
    name = os.fspath(source)
    kind, _, file = name.partition(":")
    if kind == INCEPTION:
        model, variables, published = load_inception(file)
        network = inception(model, published, resize)
    else:
        classifier = open_classifier(name, warn=warn, preprocessing=preprocessing)
        network, variables = classifier_features(classifier, resize)
    variables = jax.tree.map(jnp.asarray, variables)
    return Scorer(name, network, variables, weights_digest(variables))


def classifier_features(
    classifier: Classifier, resize: str = ""
) -> tuple[FeatureNetwork, Any]:
    """The feature network of a classifier, and its variables.

    Images are resized whole to the size that the classifier sees, and nothing is cut
    off. It computes in float32, whatever it was trained in.
    """
    task = classifier.task
    model = task.model.clone(dtype=None) if hasattr(task.model, "dtype") else task.model
    prepare: Any = classifier.prepare
    if isinstance(prepare, Prepared):
        height, width, _ = prepare.preprocessing.input_size
    else:
        spec = prepare.spec
        blank = np.zeros(spec.shapes["image"], spec.dtypes["image"])
        height, width, _ = prepare(blank).shape
    network = FeatureNetwork(
        name=os.path.basename(os.path.normpath(classifier.source)),
        model=model,
        channels=classifier.channels,
        mean=tuple(task.mean),
        std=tuple(task.std),
        size=(height, width),
        resize=resize or "clean",
    )
    return network, classifier.variables


def weights_digest(variables: Any) -> str:
    """16 digits that follow from names, shapes and values alone."""
    leaves = json.dumps(describe_leaves(variables, digest=True))
    return hashlib.sha256(leaves.encode()).hexdigest()[:16]
