"""Mixup and CutMix: targets follow the pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.tasks.mixing import mix

# Image i is filled with i, so that a mixed image tells its own composition.
IMAGES = jnp.broadcast_to(jnp.arange(6.0)[:, None, None, None], (6, 8, 10, 1))
TARGETS = jnp.eye(6)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0), (0, 1.0), (0.4, 1.0)])
def test_targets_say_what_the_images_are_made_of(seed, mixup, cutmix):
    image, target = mix(jax.random.key(seed), IMAGES, TARGETS, mixup, cutmix)
    np.testing.assert_allclose(target.sum(-1), 1, rtol=1e-5)
    composed = (target * jnp.arange(6.0)).sum(-1)
    np.testing.assert_allclose(image.mean((1, 2, 3)), composed, atol=1e-5)


def test_mixup_blends_and_cutmix_pastes():
    blended, _ = mix(jax.random.key(0), IMAGES, TARGETS, 1.0, 0)
    assert float(blended.std((1, 2)).max()) < 1e-5
    pasted, _ = mix(jax.random.key(0), IMAGES, TARGETS, 0, 1.0)
    assert set(np.unique(pasted)) <= set(range(6))
    assert float(pasted.std((1, 2)).max()) > 0.1


def test_the_share_follows_its_distribution():
    """Beta(1, 1) is uniform: the mean of what an image keeps is a half."""
    kept = jax.vmap(lambda key: mix(key, IMAGES, TARGETS, 1.0, 0)[1].max(-1).mean())(
        jax.random.split(jax.random.key(1), 2000)
    )
    assert abs(float(kept.mean()) - (0.75 * 5 / 6 + 1 / 6)) < 0.03
