import numpy as np
import pytest

from resnet_jax.explain import color_map, overlay
from resnet_jax.explain.picture import COLORS

IMAGE = np.random.default_rng(0).integers(0, 256, (12, 8, 3), np.uint8)


def test_colors_go_from_dark_to_light():
    heat = np.linspace(0, 1, 101)[None]
    colors = color_map(heat)
    assert colors.shape == (1, 101, 3) and colors.dtype == np.uint8
    assert tuple(colors[0, 0]) == COLORS[0] and tuple(colors[0, -1]) == COLORS[-1]
    light = colors[0] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(light) > -0.5).all() and light[-1] - light[0] > 200


def test_heat_is_scaled_by_its_most_and_interpolated():
    heat = np.array([[0.0, 4.0], [-3.0, 2.0]])
    np.testing.assert_array_equal(color_map(heat), color_map(heat / 7))
    np.testing.assert_array_equal(color_map(heat)[1, 0], COLORS[0])
    large = color_map(heat, (12, 8))
    assert large.shape == (12, 8, 3)
    np.testing.assert_array_equal(large[0, -1], COLORS[-1])


def test_overlay_leaves_the_cold_as_it_is():
    heat = np.zeros((12, 8))
    np.testing.assert_array_equal(overlay(IMAGE, heat), IMAGE)
    heat[3, 4] = 5
    covered = overlay(IMAGE, heat, opacity=0.5)
    changed = (covered != IMAGE).any(-1)
    assert changed[3, 4] and changed.sum() == 1
    mixed = (IMAGE[3, 4].astype(float) + COLORS[-1]) / 2
    np.testing.assert_allclose(covered[3, 4], mixed, atol=0.51)
    np.testing.assert_array_equal(overlay(IMAGE, heat, opacity=1)[3, 4], COLORS[-1])


def test_gray_images_get_color():
    gray = IMAGE[..., :1]
    three = np.repeat(gray, 3, -1)
    heat = np.arange(4.0).reshape(2, 2)
    for image in (gray, gray[..., 0]):
        np.testing.assert_array_equal(overlay(image, heat), overlay(three, heat))


def test_wrong_pictures_are_refused():
    with pytest.raises(ValueError, match="image is float64"):
        overlay(IMAGE / 255, np.ones((2, 2)))
    with pytest.raises(ValueError, match="opacity is 2; expected 0 to 1"):
        overlay(IMAGE, np.ones((2, 2)), opacity=2)
