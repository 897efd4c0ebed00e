"""Mixup and CutMix: targets follow the pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.tasks.mixing import Mixing

# Image i is filled with i, so that a mixed image tells its own composition.
IMAGES = jnp.broadcast_to(jnp.arange(6.0)[:, None, None, None], (6, 8, 10, 1))
TARGETS = jnp.eye(6)


KEYS = jax.random.split(jax.random.key(1), 2000)


def own_shares(mixing, keys=KEYS):
    """[keys, B]: how much each example keeps of itself, with partner or without."""

    def share(key):
        return jnp.broadcast_to(mixing.own_share(key, IMAGES.shape).mean((1, 2, 3)), 6)

    return np.asarray(jax.jit(jax.vmap(share))(keys))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("per", ["batch", "example"])
@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0), (0, 1.0), (0.4, 1.0)])
def test_targets_say_what_the_images_are_made_of(seed, mixup, cutmix, per):
    mixing = Mixing(mixup, cutmix, probability=0.8, per=per)
    image, target = jax.jit(mixing.__call__)(jax.random.key(seed), IMAGES, TARGETS)
    np.testing.assert_allclose(target.sum(-1), 1, rtol=1e-5)
    composed = (target * jnp.arange(6.0)).sum(-1)
    np.testing.assert_allclose(image.mean((1, 2, 3)), composed, atol=1e-5)


def test_mixup_blends_and_cutmix_pastes():
    blended, _ = Mixing(1.0)(jax.random.key(0), IMAGES, TARGETS)
    assert float(blended.std((1, 2)).max()) < 1e-5
    pasted, _ = Mixing(0, 1.0)(jax.random.key(0), IMAGES, TARGETS)
    assert set(np.unique(pasted)) <= set(range(6))
    assert float(pasted.std((1, 2)).max()) > 0.1


def test_a_batch_shares_what_examples_draw_for_themselves():
    assert np.ptp(own_shares(Mixing(0.4, 1.0, 0.5)), axis=1).max() == 0
    spread = np.ptp(own_shares(Mixing(0.4, 1.0, 0.5, per="example")), axis=1)
    assert spread.mean() > 0.1


def test_shares_follow_their_distribution():
    """Beta(a, a) has mean 1/2 and variance 1 / (8 a + 4)."""
    for alpha in (0.2, 1.0):
        shares = own_shares(Mixing(alpha, per="example"))
        assert abs(shares.mean() - 0.5) < 0.02
        assert abs(shares.var() - 1 / (8 * alpha + 4)) < 0.01


@pytest.mark.parametrize("per", ["batch", "example"])
def test_the_odds_are_those_asked_for(per):
    shares = own_shares(Mixing(0.4, 0, probability=0.3, per=per))
    assert abs((shares < 1).mean() - 0.3) < 0.03
    # Cut images keep pixels whole, blended ones do not.
    keys = KEYS[:500]
    both = Mixing(0.4, 1.0, cutmix_probability=0.7, per=per)
    own = jax.jit(jax.vmap(lambda key: both.own_share(key, IMAGES.shape)))(keys)
    assert abs((np.asarray(own) % 1 > 0).any((2, 3, 4)).mean() - 0.3) < 0.06


def test_nothing_to_mix_is_false():
    assert not Mixing() and not Mixing(0.2, probability=0) and Mixing(0, 0.1)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"mixup": -1}, "task.mixup is -1; expected 0"),
        ({"probability": 1.5}, "task.mix_probability is 1.5; expected 0 to 1"),
        ({"cutmix_probability": -1}, "task.cutmix_probability is -1"),
        ({"per": "elem"}, "task.mix_per is 'elem'; expected 'batch' or 'example'"),
    ],
)
def test_values_out_of_range(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        Mixing(**fields)
