"""Values by hand, of features by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.losses.perceptual import feature_loss, gram_matrix, style_loss
from resnet_jax.losses.reconstruction import l2_loss

# Two layers of one image: 1 x 2 places of 2 channels, and 1 place of 1 channel.
ONE = [jnp.array([[[[1.0, 2.0], [3.0, -1.0]]]]), jnp.array([[[[4.0]]]])]
OTHER = [jnp.array([[[[1.0, 0.0], [2.0, -1.0]]]]), jnp.array([[[[1.0]]]])]


def test_features():
    np.testing.assert_allclose(feature_loss(ONE, OTHER), 3 / 4 + 3)
    np.testing.assert_allclose(feature_loss(ONE, OTHER, (4, 0.5)), 3 + 1.5)
    squares = feature_loss(ONE, OTHER, distance=l2_loss)
    np.testing.assert_allclose(squares, 5 / 4 + 9)
    assert feature_loss(ONE, ONE) == 0


def test_gram_matrices():
    # Over the places: 1 + 9, 2 - 3, 4 + 1; two places of two channels.
    np.testing.assert_allclose(gram_matrix(ONE[0])[0] * 4, [[10, -1], [-1, 5]])
    turned = ONE[0][:, :, ::-1]
    np.testing.assert_array_equal(gram_matrix(turned), gram_matrix(ONE[0]))


def test_style():
    # The others' products: 5, -2, 1.
    first = (5**2 + 2 * 1**2 + 4**2) / 4**2
    np.testing.assert_allclose(style_loss(ONE, OTHER), first + 15**2)
    np.testing.assert_allclose(style_loss(ONE, OTHER, (2, 0)), 2 * first)
    wider = [jnp.concatenate([layer, layer], 2) for layer in ONE]
    np.testing.assert_allclose(style_loss(wider, ONE), 0, atol=1e-6)
    two = [jnp.concatenate([layer, layer]) for layer in ONE]
    others = [jnp.concatenate([a, b]) for a, b in zip(ONE, OTHER, strict=True)]
    np.testing.assert_allclose(style_loss(two, others), (first + 15**2) / 2)


def test_gradients_reach_every_layer():
    for loss in (feature_loss, style_loss):
        for slope in jax.grad(loss)(ONE, OTHER):
            assert jnp.isfinite(slope).all() and (slope != 0).any()


def test_as_many_layers_and_weights():
    with pytest.raises(ValueError, match="zip"):
        feature_loss(ONE, OTHER[:1])
    with pytest.raises(ValueError, match="zip"):
        feature_loss(ONE, OTHER, (1.0,))
