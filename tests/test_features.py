"""Feature networks: what they take of an image and of a classifier."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.features import FeatureNetwork, inception, pooled
from resnet_jax.metrics.resizing import clean_resize
from resnet_jax.models import create_model
from resnet_jax.models.inception import Inception

MODELS = {
    "resnet20": {"stage_sizes": (1,), "width": 4},
    "resnetv2_50": {"stage_sizes": (1,), "width": 16},
    "airbench94": {"widths": (8, 8, 8)},
}


def network(channels=3, **fields):
    model = create_model("resnet20", stage_sizes=(1,), width=4, num_classes=5)
    given = {"mean": (0.4,), "std": (0.2,), "size": (8, 8), **fields}
    return FeatureNetwork("small", model, channels, **given)


@pytest.fixture(scope="module")
def variables():
    image = jnp.zeros((1, 8, 8, 3))
    return jax.jit(network().model.init)(jax.random.key(0), image)


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("name", MODELS)
def test_the_input_of_the_head(name):
    """The head of these features is the network's."""
    model = create_model(name, **MODELS[name], num_classes=5)
    x = jax.random.normal(jax.random.key(1), (3, 32, 32, 3))
    variables = jax.jit(model.init)(jax.random.key(0), x)
    found = jax.jit(partial(pooled, model))(variables, x)
    logits = jax.jit(model.apply)(variables, x)
    np.testing.assert_allclose(found["logits"], logits, rtol=1e-5)
    heads = {"resnetv2_50": lambda p: p["head"]["fc"]}
    head = heads.get(name, lambda p: p["fc"])(variables["params"])
    kernel = head["kernel"].reshape(found["features"].shape[1], 5)
    again = found["features"] @ kernel + head.get("bias", 0)
    scale = found["features"].shape[1] if name == "airbench94" else 1
    np.testing.assert_allclose(again / scale, logits, rtol=1e-4, atol=1e-6)


def test_batches_change_nothing(variables):
    shown = images(6, 8, 8, 3)
    alone = jax.jit(network())
    whole = alone(variables, shown)
    for i in range(6):
        one = alone(variables, shown[i : i + 1])
        np.testing.assert_allclose(one["features"][0], whole["features"][i], rtol=1e-5)


def test_units_are_the_networks():
    made = network()
    shown = images(2, 8, 8, 3)
    expected = (shown / 255 - 0.4) / 0.2
    np.testing.assert_allclose(made.units(shown), expected, rtol=1e-5, atol=1e-6)
    large = images(2, 12, 10, 3)
    expected = (np.asarray(clean_resize(large, (8, 8))) / 255 - 0.4) / 0.2
    np.testing.assert_allclose(made.units(large), expected, rtol=1e-4, atol=1e-5)


def test_what_is_done_is_said():
    assert network().resize_of([8, 8]) == network(size=None).resize_of((9, 9)) == "none"
    assert network(resize="legacy").resize_of((9, 8)) == "legacy"


def test_grey_and_color():
    color, grey = network(), network(channels=1)
    shown = images(2, 8, 8, 1)
    expected = color.units(np.repeat(shown, 3, -1))
    np.testing.assert_allclose(color.units(shown), expected, rtol=1e-5, atol=1e-6)
    colored = images(2, 8, 8, 3)
    expected = (colored.mean(-1, keepdims=True) / 255 - 0.4) / 0.2
    np.testing.assert_allclose(grey.units(colored), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(
        ValueError, match="have 4 channels and the feature network small"
    ):
        color.units(images(2, 8, 8, 4))


def test_other_images_are_refused():
    made = network()
    with pytest.raises(ValueError, match="takes uint8 images"):
        made.units(np.zeros((2, 8, 8, 3), np.float32))
    with pytest.raises(ValueError, match="expected legacy or clean"):
        network(resize="bilinear")


def test_inception_sees_what_fid_sees(variables):
    """(pixel - 128) / 128, exactly, and logits without the head's bias."""
    made = inception(Inception(), published=True)
    shown = images(1, 299, 299, 3)
    expected = (shown.astype(np.float32) - 128) / 128
    np.testing.assert_array_equal(made.units(shown), expected)
    assert made.units(images(1, 32, 32, 3)).shape == (1, 299, 299, 3)
    small = network()
    shown, bare = images(2, 8, 8, 3), dataclasses.replace(small, head_bias=False)
    with_bias = jax.jit(small)(variables, shown)["logits"]
    bare = jax.jit(bare)(variables, shown)
    bias = variables["params"]["fc"]["bias"]
    np.testing.assert_allclose(bare["logits"] + bias, with_bias, rtol=1e-5, atol=1e-6)


def test_only_published_inception_with_its_resize_gives_a_fid():
    values = {"frechet_distance": 1.0, "classifier_score": 2.0, "recall": 3.0}
    published = inception(Inception(), published=True)
    renamed = {"fid": 1.0, "inception_score": 2.0, "recall": 3.0}
    assert published.named(values) == renamed
    for other in (
        inception(Inception(), published=True, resize="clean"),
        inception(Inception(), published=False),
        network(),
    ):
        assert other.named(values) == values
