"""Values by hand, and by a loop."""

import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.losses.patch_contrastive import patch_contrastive_loss


def test_two_places_by_hand():
    """Logits 1 and 0.6 for the first place, 0 and 0.8 for the second, over t."""
    query = jnp.array([[[1.0, 0.0], [0.0, 1.0]]])
    key = jnp.array([[[1.0, 0.0], [0.6, 0.8]]])
    first, second = np.log(1 + np.exp(-0.4 / 0.5)), np.log(1 + np.exp(-0.8 / 0.5))
    found = patch_contrastive_loss(query, key, 0.5)
    np.testing.assert_allclose(found, (first + second) / 2, rtol=1e-6)
    sharp = patch_contrastive_loss(query, key)
    sides = [np.log1p(np.exp(-d / 0.07)) for d in (0.4, 0.8)]
    np.testing.assert_allclose(sharp, np.mean(sides), rtol=1e-4)


def by_loop(query, key, temperature):
    terms = []
    for q, k in zip(query, key, strict=True):
        for i in range(len(q)):
            odds = [np.exp(q[i] @ k[j] / temperature) for j in range(len(k))]
            terms.append(-np.log(odds[i] / sum(odds)))
    return np.mean(terms)


def test_negatives_are_of_the_same_image():
    rng = np.random.default_rng(0)
    pair = rng.normal(size=(2, 3, 5, 4)).astype(np.float32)
    query, key = pair / np.linalg.norm(pair, axis=-1, keepdims=True)
    found = jax.jit(patch_contrastive_loss)(query, key)
    np.testing.assert_allclose(found, by_loop(query, key, 0.07), rtol=1e-5)
    each = [patch_contrastive_loss(query[i : i + 1], key[i : i + 1]) for i in range(3)]
    np.testing.assert_allclose(found, np.mean(each), rtol=1e-6)


def test_its_ends():
    same = jnp.ones((2, 8, 1))
    np.testing.assert_allclose(patch_contrastive_loss(same, same), np.log(8), rtol=1e-6)
    apart = jnp.eye(8)[None]
    assert patch_contrastive_loss(apart, apart) < 1e-4


def test_keys_get_no_gradient():
    query, key = jax.random.normal(jax.random.key(0), (2, 1, 4, 3))
    by_query, by_key = jax.grad(patch_contrastive_loss, (0, 1))(query, key)
    assert (by_key == 0).all() and (by_query != 0).all()
