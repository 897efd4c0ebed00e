"""Every pixel goes to the nearest stored value."""

import jax.numpy as jnp
import numpy as np

from resnet_jax.metrics.quantization import to_uint8


def test_stored_values_come_back():
    values = np.arange(256, dtype=np.uint8)
    found = to_uint8(jnp.asarray(values) / 127.5 - 1)
    assert found.dtype == jnp.uint8
    np.testing.assert_array_equal(found, values)


def test_between_and_beyond():
    images = jnp.array([-1.5, -1, -1 + 0.4 / 127.5, -1 + 0.6 / 127.5, 1, 9, jnp.inf])
    np.testing.assert_array_equal(to_uint8(images), [0, 0, 0, 1, 255, 255, 255])
    np.testing.assert_array_equal(to_uint8(jnp.array([-jnp.inf, jnp.nan])), [0, 0])


def test_it_is_nvidias_rule():
    x = np.linspace(-1.2, 1.2, 100_003).astype(np.float32)
    theirs = np.clip(np.floor(127.5 * x + 128), 0, 255)
    # At the very edge between two values, float32 decides.
    assert (np.asarray(to_uint8(jnp.asarray(x))) != theirs).mean() < 1e-4
