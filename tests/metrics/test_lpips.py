"""LPIPS of features by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.metrics.lpips import lpips, scale_images

# One image, two layers: 1 x 2 places of 2 channels, and 1 place of 3 channels.
ONE = [jnp.array([[[[3.0, 4.0], [0.0, 2.0]]]]), jnp.array([[[[1.0, 0.0, 0.0]]]])]
OTHER = [jnp.array([[[[6.0, 8.0], [5.0, 0.0]]]]), jnp.array([[[[0.0, 0.0, 9.0]]]])]
HEADS = [jnp.array([0.5, 0.25]), jnp.array([1.0, 10.0, 3.0])]


def test_by_hand():
    """The first place points the same way; the second turns from (0, 1) to (1, 0)."""
    found = jax.jit(lpips)(ONE, OTHER, HEADS)
    assert found.shape == (1,) and found.dtype == jnp.float32
    np.testing.assert_allclose(found, [(0 + 0.75) / 2 + 4], rtol=1e-6)
    np.testing.assert_allclose(lpips(ONE, ONE, HEADS), [0])


def test_each_image_by_itself():
    both = [jnp.concatenate([a, b]) for a, b in zip(ONE, OTHER, strict=True)]
    swapped = [layer[::-1] for layer in both]
    found = lpips(both, swapped, HEADS)
    np.testing.assert_allclose(found, [4.375, 4.375], rtol=1e-6)
    half = [layer.astype(jnp.bfloat16) for layer in both]
    assert lpips(half, swapped, HEADS).dtype == jnp.float32


def test_dead_places_keep_finite_gradients():
    dead = [jnp.zeros_like(layer) for layer in ONE]
    for target in (dead, ONE):
        for slope in jax.grad(lambda f, t=target: lpips(f, t, HEADS).sum())(dead):
            assert jnp.isfinite(slope).all()


def test_images_come_to_the_statistics_of_imagenet():
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    rgb = np.random.default_rng(0).random((1, 2, 2, 3))
    found = scale_images(jnp.float32(2 * rgb - 1))
    np.testing.assert_allclose(found, (rgb - mean) / std, atol=1e-5)


def test_a_head_per_layer():
    with pytest.raises(ValueError, match="zip"):
        lpips(ONE, OTHER, HEADS[:1])
