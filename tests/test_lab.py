"""Lab against scikit-image, and there and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from resnet_jax.lab import lab_to_rgb, rgb_to_lab

# All corners and edges of the cube of colors, and what lies between.
STEPS = np.linspace(0, 1, 18, dtype=np.float32)
COLORS = np.stack(np.meshgrid(STEPS, STEPS, STEPS), -1).reshape(18, -1, 3)


def test_it_is_that_of_scikit_image():
    found = jax.jit(rgb_to_lab)(COLORS)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, rgb2lab(COLORS.astype(np.float64)), atol=1e-4)
    with jax.enable_x64(True):
        wide = COLORS.astype(np.float64)
        np.testing.assert_allclose(rgb_to_lab(wide), rgb2lab(wide), atol=1e-10)


def test_the_way_back_is_too():
    rng = np.random.default_rng(0)
    lab = rng.uniform((0, -110, -110), (100, 110, 110), (8, 500, 3)).astype(np.float32)
    with pytest.warns(UserWarning, match="negative Z"):
        expected = lab2rgb(lab.astype(np.float64))
    found = jax.jit(lab_to_rgb)(lab)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert (found == 0).any() and (found == 1).any()


def test_there_and_back():
    np.testing.assert_allclose(lab_to_rgb(rgb_to_lab(COLORS)), COLORS, atol=2e-5)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (100, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
    ],
)
def test_known_colors(rgb, lab):
    np.testing.assert_allclose(rgb_to_lab(jnp.float32(rgb)), lab, atol=0.01)


def test_gradients_are_finite_at_black_and_white():
    for convert, colors in ((rgb_to_lab, COLORS), (lab_to_rgb, rgb_to_lab(COLORS))):
        slope = jax.grad(lambda x, f=convert: f(x).sum())(colors)
        assert jnp.isfinite(slope).all()
