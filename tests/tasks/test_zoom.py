"""Which part of an image is shown close up."""

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.tasks.zoom import FACTOR, SIDE, enlarged, most_detail, part, zooms


def test_the_place_is_where_pixels_change_most():
    """Noise of 40 x 40 pixels, and a stronger one in the other image."""
    rng, images = np.random.default_rng(0), np.full((2, 96, 120, 3), 0.5, np.float32)
    images[0, 48:88, 16:56] += rng.normal(0, 0.1, (40, 40, 3))
    images[1, 8:48, 80:] += rng.normal(0, 0.3, (40, 40, 3))
    # A bright half is one edge, of less than noise everywhere.
    images[:, :, :8] = 1.0
    corner = jax.jit(most_detail)(jnp.asarray(images))
    assert corner.tolist() == [[48, 16], [8, 80]]
    found = part(jnp.asarray(images), corner)
    np.testing.assert_array_equal(found[0], images[0, 48:88, 16:56])
    np.testing.assert_array_equal(found[1], images[1, 8:48, 80:120])


def test_flat_images_have_their_first_corner():
    assert most_detail(jnp.zeros((1, 96, 96, 1))).tolist() == [[0, 0]]


def test_pixels_are_enlarged_as_they_are():
    x = jnp.arange(6, dtype=jnp.float32).reshape(1, 2, 3, 1)
    found = np.asarray(enlarged(x))[0, :, :, 0]
    assert found.shape == (2 * FACTOR, 3 * FACTOR)
    np.testing.assert_array_equal(found[::FACTOR, ::FACTOR], x[0, :, :, 0])
    assert (found[:FACTOR, :FACTOR] == 0).all() and (
        found[-FACTOR:, -FACTOR:] == 5
    ).all()


def test_small_images_are_shown_whole():
    assert zooms(jnp.zeros((1, 2 * SIDE, 500, 3)))
    assert not zooms(jnp.zeros((1, 500, 2 * SIDE - 1, 3)))
