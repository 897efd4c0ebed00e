"""A feature network with its weights, opened by name."""

import jax
import numpy as np
import pytest
from weights import PREPROCESSING, save_weights

from resnet_jax.classifier import open_classifier
from resnet_jax.models.inception import Inception
from resnet_jax.scorer import classifier_features, open_scorer, weights_digest


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("scorer") / "w", 6)


def test_it_is_the_classifier(weights):
    """Logits of images of its size are those that classify gets."""
    scorer, classifier = open_scorer(weights), open_classifier(weights)
    shown = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    found = scorer(shown)
    assert found["features"].shape == (3, 16) and found["logits"].shape == (3, 6)
    expected = np.log(classifier.probabilities(shown))
    logits = jax.nn.log_softmax(found["logits"])
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)
    network = scorer.network
    assert network.name == "w" and network.size == tuple(
        PREPROCESSING["input_size"][:2]
    )
    assert network.resize == "clean" and not network.published


def test_it_computes_in_float32(weights):
    """Features of half precision would depend on the size of the batch."""
    classifier = open_classifier(weights)
    half = classifier.task.model.clone(dtype="bfloat16")
    object.__setattr__(classifier.task, "model", half)
    network, _ = classifier_features(classifier, "legacy")
    assert network.model.dtype is None and network.resize == "legacy"


def test_the_digest_is_of_the_weights(weights):
    variables = open_scorer(weights).variables
    assert weights_digest(variables) == open_scorer(weights).digest
    changed = jax.tree.map(lambda x: x + (x.size == 6), variables)
    assert weights_digest(changed) != weights_digest(variables)


def test_inception_by_file(monkeypatch):
    asked = []

    def load(path):
        asked.append(path)
        return Inception(), {"params": {"fc": {"bias": np.zeros(3)}}}, True

    monkeypatch.setattr("resnet_jax.scorer.load_inception", load)
    for source, resize in (("inception", ""), ("inception:a/b:c.pth", "clean")):
        scorer = open_scorer(source, resize)
        assert scorer.network.resize == (resize or "legacy")
        assert scorer.network.size == (299, 299) and scorer.network.published
    assert asked == ["", "a/b:c.pth"]
