"""The strength over steps, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.augment.adaptive import AdaptiveStrength, adjust


def test_the_paper_takes_half_a_million_images_from_zero_to_one():
    """Batches of 64, every 4: 256 / 500,000 each time."""
    adaptive = AdaptiveStrength()
    kept, strengths = adaptive.start(), []
    follow = jax.jit(lambda *x: adaptive.follow(*x, batch_size=64))
    for step in range(12):
        # Signs are 1 for 8 steps, and then 0.5 on average, below the target.
        sign_mean = jnp.float32(1.0 if step < 8 else 0.5)
        kept = follow(kept, sign_mean, jnp.int32(step))
        strengths.append(float(kept["strength"]))
    once = 256 / 500_000
    expected = [0, 0, 0, *[once] * 4, *[2 * once] * 4, once]
    np.testing.assert_allclose(strengths, expected, rtol=1e-6)
    assert kept["signs"] == 0


def test_signs_are_averaged_over_the_steps_between():
    adaptive = AdaptiveStrength(every=2, images=1000)
    kept = adaptive.start()
    # 0.75 in the mean is above 0.6, though the last is below.
    for step, sign_mean in enumerate([1.0, 0.5]):
        kept = adaptive.follow(kept, jnp.float32(sign_mean), jnp.int32(step), 100)
    np.testing.assert_allclose(kept["strength"], 0.2)


@pytest.mark.parametrize(
    ("strength", "sign_mean", "expected"),
    [
        (0.5, 0.7, 0.6),
        (0.5, 0.5, 0.4),
        (0.5, 0.6, 0.5),
        (0.05, -1, 0.0),
        (0.95, 1, 1.0),
    ],
)
def test_up_down_and_within_bounds(strength, sign_mean, expected):
    found = adjust(
        jnp.float32(strength), jnp.float32(sign_mean), 10, target=0.6, images=100
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"target": 1.0}, "adaptive target is 1.0; expected between -1 and 1"),
        ({"every": 0}, "adaptive every is 0; expected at least 1"),
        ({"images": 0}, "adaptive images is 0; expected at least 1"),
    ],
)
def test_out_of_range(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        AdaptiveStrength(**fields)
