import jax
import numpy as np
import pytest

from resnet_jax.nn.initialization import (
    he_fan_in,
    he_fan_out,
    uniform_bias,
    uniform_fan_in,
)


@pytest.mark.parametrize(("init", "fan"), [(he_fan_in, 9 * 32), (he_fan_out, 9 * 64)])
def test_he(init, fan):
    kernel = init(jax.random.key(0), (3, 3, 32, 64))
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / fan), rtol=0.02)
    assert np.abs(kernel).max() > 3 * np.sqrt(2 / fan)


@pytest.mark.parametrize("init", [uniform_fan_in, uniform_bias(100)])
def test_uniform(init):
    values = np.abs(init(jax.random.key(0), (100, 50), np.float32))
    assert 0.099 < values.max() <= 0.1
    np.testing.assert_allclose(values.mean(), 0.05, rtol=0.05)
