"""Translators: units, channels, and bare models."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.translator import Translator


def images(channels, size=2):
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.random((size, 3, 4, channels)), jnp.float32)


def channels(takes, makes, apply=lambda x: x, **fields):
    return Translator(apply, in_channels=takes, out_channels=makes, **fields)


def test_units_are_those_of_the_network():
    seen = []
    made = channels(
        3, 3, lambda x: seen.append(x) or 2 * x,
        mean=(0.5, 0.4, 0.3), std=(0.5, 0.2, 0.1), out_mean=(0.5,), out_std=(0.25,),
    )  # fmt: skip
    x = images(3)
    expected = (x - np.array([0.5, 0.4, 0.3])) / np.array([0.5, 0.2, 0.1])
    np.testing.assert_allclose(made(x), 0.5 + 0.5 * expected, atol=1e-6)
    np.testing.assert_allclose(seen[0], expected, atol=1e-6)


def test_encode_and_decode_replace_the_units():
    made = channels(
        3, 3, lambda lightness: -lightness, mean=(9.0,), out_mean=(9.0,),
        encode=lambda x: x[..., :1], decode=lambda made, x: x + made,
    )  # fmt: skip
    x = images(3)
    np.testing.assert_allclose(made(x), x - x[..., :1], atol=1e-6)


@pytest.mark.parametrize(
    ("takes", "makes", "given", "expected"),
    [
        (3, 3, 3, 3), (1, 1, 1, 1), (3, 3, 1, 1), (1, 1, 3, 3), (1, 3, 3, 3),
        (1, 3, 1, 3), (3, 1, 3, 1), (3, 1, 1, 1),
    ],
)  # fmt: skip
def test_every_image_fits(takes, makes, given, expected):
    apply = lambda x: jnp.broadcast_to(x[..., :1], (*x.shape[:3], makes))  # noqa: E731
    function, count = channels(takes, makes, apply).over(given)
    assert count == expected == function(images(given)).shape[-1]


def test_grey_is_averaged_unless_color_is_the_task():
    weights = jnp.array([0.0, 1.0, 0.5])
    function, _ = channels(3, 3, lambda x: x * weights).over(1)
    np.testing.assert_allclose(function(images(1)), images(1) / 2, atol=1e-6)
    colorful = channels(3, 3, lambda x: x, decode=lambda made, x: made * weights)
    function, count = colorful.over(1)
    assert count == 3
    np.testing.assert_allclose(function(images(1)), images(1) * weights, atol=1e-6)


def test_colors_of_a_grey_network_are_images_of_their_own():
    def apply(x):
        assert x.shape == (6, 3, 4, 1)
        return jnp.repeat(jnp.repeat(x + x.mean((1, 2, 3), keepdims=True), 2, 1), 2, 2)

    function, _ = channels(1, 1, apply, scale=2).over(3)
    x = images(3)
    expected = (x + x.mean((1, 2), keepdims=True)).repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(function(x), expected, atol=1e-6)


def test_color_to_color_by_luma():
    function, _ = channels(1, 3, lambda x: jnp.repeat(x, 3, -1)).over(3)
    red = jnp.zeros((1, 2, 2, 3)).at[..., 0].set(1.0)
    np.testing.assert_allclose(function(red), 0.299, atol=1e-6)


@pytest.mark.parametrize(("takes", "makes"), [(4, 3), (3, 2), (6, 6)])
def test_channels_that_no_image_file_has(takes, makes):
    with pytest.raises(ValueError, match=r"hold 1 \(grey\) or 3 \(color\)"):
        channels(takes, makes).over(3)


class Bare(nn.Module):
    channels: int = 3
    scale: int = 1
    halo = 1
    multiple = 2

    @nn.compact
    def __call__(self, x, train=True):
        assert not train
        return nn.Conv(self.channels, (3, 3))(x)


def test_a_bare_model():
    model, x = Bare(), images(3)
    variables = model.init(jax.random.key(0), x, train=False)
    made = Translator.of(model, variables, mean=(0.5,), std=(0.5,))
    assert (made.scale, made.halo, made.multiple, made.in_channels) == (1, 1, 2, 3)
    expected = model.apply(variables, (x - 0.5) / 0.5, train=False)
    np.testing.assert_allclose(made(x), expected, rtol=1e-4, atol=1e-5)
