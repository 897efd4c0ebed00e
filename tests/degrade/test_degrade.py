"""The table of degradations, and what they have in common."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.degrade import DEGRADATIONS, Degradation, create_degradation

IMAGES = jnp.float32(np.random.default_rng(0).uniform(size=(3, 32, 32, 3)))
SECTIONS = {name: {"name": name} for name in DEGRADATIONS}
SECTIONS["chain"]["parts"] = ("blur", "downscale")
KEYS = jax.random.split(jax.random.key(0), len(IMAGES))


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_shapes_are_those_that_it_says(name):
    change = create_degradation(SECTIONS[name])
    seen, made = change.channels(3)
    low = jax.vmap(change.degrade)(KEYS, IMAGES)
    side = 32 // change.scale
    assert low.shape == (3, side, side, seen) and low.dtype == jnp.float32
    target = jax.vmap(change.target)(IMAGES)
    assert target.shape == (3, 32, 32, made)
    assert jax.vmap(change.seen)(low).shape == IMAGES.shape
    shown = jax.vmap(change.image)(low, target)
    np.testing.assert_allclose(shown, IMAGES, atol=1e-4)
    own = jax.vmap(change.encode)(IMAGES)
    assert own.shape[-1] == seen and own.shape[:3] == (3, 32, 32)


@pytest.mark.parametrize("name", sorted({*DEGRADATIONS} - {"colorless", "downscale"}))
def test_every_image_of_a_batch_has_a_fate_of_its_own(name):
    change = create_degradation(SECTIONS[name])
    same = jnp.broadcast_to(IMAGES[0], (2, *IMAGES.shape[1:]))
    a, b = jax.vmap(change.degrade)(KEYS[:2], same)
    assert (a != b).any()
    again = change.degrade(KEYS[1], same[1])
    np.testing.assert_allclose(b, again, atol=1e-5)


def test_the_plain_one_changes_nothing():
    change = Degradation()
    for function in (change.encode, change.target, change.seen):
        assert function(IMAGES) is IMAGES
    assert change.degrade(KEYS[0], IMAGES) is IMAGES
    assert (change.scale, change.margin) == (1, 0)


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ("nose", "unknown degradation 'nose'. Did you mean noise"),
        ({"sigma": 3}, "the degradation section needs a name. Known: blur, chain"),
        ({"name": "noise", "sgma": 3}, "takes no 'sgma'. Did you mean sigma"),
        ({"name": "noise", "sigma": "25"}, "sigma is '25'; expected a number or a"),
        ({"name": "noise", "sigma": (1, 2, 3)}, r"sigma is \(1, 2, 3\); expected"),
        ({"name": "downscale", "factor": 2.5}, "factor is 2.5; expected a whole"),
        ({"name": "jpeg", "halved": 2}, "halved is 2; expected true or false"),
        ({"name": "chain", "parts": "blur"}, "parts is 'blur'; expected a tuple"),
    ],
)
def test_mistakes_get_one_sentence(section, text):
    with pytest.raises(ValueError, match=text):
        create_degradation(section)
