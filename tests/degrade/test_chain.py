"""Several degradations one after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.degrade import create_degradation

KEY = jax.random.key(4)
IMAGE = jnp.float32(np.random.default_rng(0).uniform(size=(24, 24, 3)))
BLUR = {"name": "blur", "sigma": (0.5, 1.5)}
SMALL = {"name": "downscale", "factor": 2}
NOISE = {"name": "noise", "sigma": 10.0}


def chain(*parts):
    return create_degradation({"name": "chain", "parts": parts})


def test_parts_come_in_order_each_with_its_own_key():
    found = chain(BLUR, SMALL, NOISE).degrade(KEY, IMAGE)
    wanted = IMAGE
    for number, part in enumerate((BLUR, SMALL, NOISE)):
        key = jax.random.fold_in(KEY, number)
        wanted = create_degradation(part).degrade(key, wanted)
    assert found.shape == (12, 12, 3)
    np.testing.assert_array_equal(found, wanted)
    twice = chain(NOISE, NOISE).degrade(KEY, IMAGE) - IMAGE
    assert 255 * np.asarray(twice).std() == pytest.approx(10 * 2**0.5, rel=0.05)


def test_a_chain_may_be_a_part():
    inner = {"name": "chain", "parts": (SMALL, "jpeg")}
    outer = chain(SMALL, inner)
    assert outer.scale == 4 and outer.degrade(KEY, IMAGE).shape == (6, 6, 3)


@pytest.mark.parametrize(
    ("parts", "scale", "margin"),
    [
        ((NOISE,), 1, 0),
        ((BLUR, NOISE), 1, 5),
        ((BLUR, SMALL), 2, 3 + 2),
        ((SMALL, BLUR), 2, 2 + 5),
        ((SMALL, {"name": "downscale", "factor": 3}), 6, 1 + 2),
    ],
)
def test_scales_multiply_and_margins_add_up(parts, scale, margin):
    change = chain(*parts)
    assert (change.scale, change.margin) == (scale, margin)
    # What the margin leaves of a patch is what the image has there.
    if parts[0] is not NOISE and parts[-1] is not NOISE:
        big = jnp.float32(np.random.default_rng(1).uniform(size=(60, 60, 1)))
        patch = change.degrade(KEY, big[:48, :48])
        whole = change.degrade(KEY, big)[: 48 // scale, : 48 // scale]
        inside = slice(margin, 48 // scale - margin)
        np.testing.assert_allclose(
            patch[inside, inside], whole[inside, inside], atol=1e-6
        )
        assert not np.allclose(patch, whole, atol=1e-3)


def test_one_sees_what_was_made_small_enlarged():
    change = chain(BLUR, SMALL, "jpeg")
    low = change.degrade(KEY, IMAGE)
    wanted = create_degradation(SMALL).seen(low)
    np.testing.assert_array_equal(change.seen(low), wanted)
    assert change.channels(3) == (3, 3) and change.shows
    np.testing.assert_array_equal(change.target(IMAGE), IMAGE)


def test_mistakes():
    with pytest.raises(ValueError, match="'chain' has no parts; name one or more"):
        chain()
    with pytest.raises(ValueError, match="a part Colorless, whose target is no image"):
        chain(NOISE, "colorless")
    with pytest.raises(ValueError, match="'jpeg' is of images with 1 or 3 channels"):
        chain(NOISE, "jpeg").channels(4)
    with pytest.raises(ValueError, match=r"unknown degradation 'nois'.*mean noise"):
        chain("nois")
