"""Inputs and targets, in model units and as images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import Linear, images

from resnet_jax.bicubic import resize
from resnet_jax.degrade import create_degradation
from resnet_jax.tasks.pair import Pair, evaluation_keys, training_keys

KEY = jax.random.key(2)
NOISE = create_degradation({"name": "noise", "sigma": 10.0})
SMALL = create_degradation({"name": "downscale", "factor": 2})
COLOR = create_degradation("colorless")


def keys(count):
    return training_keys(KEY, count, None)


def test_pairs_of_the_data_come_in_model_units():
    batch = {"a": images(0), "b": images(1).astype(np.uint16) * 257}
    pair = Pair(0.5, 0.5)
    found = pair(batch)
    assert pair.needs == ("a", "b") and pair.scale == 1
    np.testing.assert_allclose(found["input"], batch["a"] / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(found["target"], images(1) / 127.5 - 1, atol=1e-6)
    shown = pair.images(found, found["target"])
    assert list(shown) == ["input", "output", "target"]
    np.testing.assert_allclose(shown["input"], batch["a"] / 255, atol=1e-6)
    np.testing.assert_array_equal(shown["output"], shown["target"])


def test_larger_targets_of_the_data():
    batch = {"a": images(0, side=8), "b": images(1, side=16)}
    pair = Pair(enlarged=2)
    found = pair(batch)
    assert pair.scale == 2 and found["target"].shape == (4, 16, 16, 1)
    shown = pair.images(found)["input"]
    wanted = np.clip(resize(batch["a"][0] / np.float32(255), 2), 0, 1)
    np.testing.assert_allclose(shown[0], wanted, atol=1e-6)


def test_a_degradation_makes_the_input_of_each_image_by_its_key():
    pair, batch = Pair(0.25, 0.5, NOISE), {"image": images(0)}
    found = pair(batch, keys(4))
    assert pair.needs == ("image",)
    clean = batch["image"] / np.float32(255)
    np.testing.assert_allclose(found["target"], (clean - 0.25) / 0.5, atol=1e-6)
    third = (NOISE.degrade(keys(4)[2], clean[2]) - 0.25) / 0.5
    np.testing.assert_allclose(found["input"][2], third, atol=1e-5)
    # Images for people are within [0, 1], whatever noise and network do.
    shown = pair.images(found, 9 * found["input"])
    for image in shown.values():
        assert float(image.min()) >= 0 and float(image.max()) <= 1
    np.testing.assert_allclose(shown["target"], clean, atol=1e-6)


def test_only_patches_lose_the_margin():
    pair, batch = Pair(degradation=SMALL), {"image": images(0, side=16)}
    whole, patch = pair(batch, keys(4)), pair(batch, keys(4), trim=True)
    assert pair.scale == 2
    assert whole["input"].shape == (4, 8, 8, 1)
    assert whole["target"].shape == (4, 16, 16, 1)
    np.testing.assert_array_equal(patch["input"], whole["input"][:, 2:-2, 2:-2])
    np.testing.assert_array_equal(patch["target"], whole["target"][:, 4:-4, 4:-4])
    assert pair.images(whole)["input"].shape == (4, 16, 16, 1)
    assert "output" not in pair.images(whole)


def test_sides_that_do_not_divide_are_refused():
    text = r"images of 16 x 15 pixels cannot be made 2 times.*multiple=2\)"
    batch = {"image": images(0, side=16)[:, :, :15]}
    with pytest.raises(ValueError, match=text):
        Pair(degradation=SMALL)(batch, keys(4))


def test_color_is_put_together_with_the_lightness_of_the_input():
    pair, batch = Pair(0.5, 0.5, COLOR), {"image": images(0, channels=3)}
    found = pair(batch, keys(4))
    assert found["input"].shape[-1] == 1 and found["target"].shape[-1] == 2
    shown = pair.images(found, 0 * found["target"])
    np.testing.assert_allclose(shown["target"], batch["image"] / 255, atol=1e-4)
    np.testing.assert_allclose(np.ptp(shown["output"], -1), 0, atol=1e-3)
    np.testing.assert_allclose(shown["output"], shown["input"], atol=1e-5)


def test_a_translator_of_color_takes_and_makes_color():
    pair, model = Pair(0.5, 0.5, COLOR), Linear(1, 2)
    variables = model.init(KEY, jnp.zeros((1, 4, 4, 1)))
    translate = pair.translator(model, variables)
    assert (translate.in_channels, translate.out_channels) == (3, 3)
    image = jnp.float32(images(0, channels=3) / 255)
    found = pair({"image": images(0, channels=3)}, keys(4))
    answer = model.apply(variables, found["input"])
    wanted = pair.images(found, answer)["output"]
    np.testing.assert_allclose(translate(image), wanted, atol=1e-5)


def test_keys_of_evaluation_follow_from_the_number_of_an_example():
    some, others = jnp.array([3, 5]), jnp.array([5, 8, 3])
    a, b = (
        jax.random.key_data(evaluation_keys(KEY, index)) for index in (some, others)
    )
    np.testing.assert_array_equal(a[0], b[2])
    np.testing.assert_array_equal(a[1], b[0])
    assert (a[0] != a[1]).any()
