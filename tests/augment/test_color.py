"""Against the product of the paper's 4 x 4 matrices."""

import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.augment.color import change_color

IMAGES = np.random.default_rng(0).uniform(-1, 1, (1, 4, 4, 3))
CHANGES = {
    "brightness": 0.3,
    "contrast": 1.7,
    "lumaflip": 1.0,
    "hue": 0.8,
    "saturation": 0.4,
}
NEUTRAL = {
    "brightness": 0.0,
    "contrast": 1.0,
    "lumaflip": 0.0,
    "hue": 0.0,
    "saturation": 1.0,
}


def found(images, changes):
    values = {k: jnp.full((1, 1, 1, 1), v) for k, v in {**NEUTRAL, **changes}.items()}
    return change_color(jnp.float32(images), **values)


def by_matrices(images, brightness, contrast, lumaflip, hue, saturation):
    axis = np.array([1, 1, 1, 0]) / np.sqrt(3)
    along = np.outer(axis, axis)
    identity, corner = np.eye(4), np.diag([0.0, 0, 0, 1])
    lift, scale, turn = np.eye(4), np.diag([contrast] * 3 + [1]), np.eye(4)
    lift[:3, 3] = brightness
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn[:3, :3] += np.sin(hue) * cross + (1 - np.cos(hue)) * cross @ cross  # Rodrigues
    flip = identity - 2 * along * lumaflip
    saturate = along + corner + (identity - along - corner) * saturation
    matrix = saturate @ turn @ flip @ scale @ lift
    return images @ matrix[:3, :3].T + matrix[:3, 3]


@pytest.mark.parametrize("name", [*CHANGES, "all"])
def test_each_change_and_their_order(name):
    changes = CHANGES if name == "all" else {name: CHANGES[name]}
    expected = by_matrices(IMAGES, **{**NEUTRAL, **changes})
    assert np.abs(expected - IMAGES).max() > 0.1
    np.testing.assert_allclose(found(IMAGES, changes), expected, atol=1e-6)


def test_a_turn_of_120_degrees_exchanges_the_channels():
    turned = found(IMAGES, {"hue": 2 * np.pi / 3})
    np.testing.assert_allclose(turned, np.roll(IMAGES, 1, 3), atol=1e-6)


def test_a_grey_image_is_three_equal_channels():
    grey = IMAGES[..., :1]
    whole = found(np.repeat(grey, 3, 3), CHANGES)
    np.testing.assert_allclose(found(grey, CHANGES), whole[..., :1], atol=1e-6)
    np.testing.assert_allclose(found(grey, {"hue": 1.0, "saturation": 3.0}), grey)
    np.testing.assert_allclose(found(grey, {"lumaflip": 1.0}), -grey)
