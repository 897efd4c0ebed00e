import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.initialization import (
    he_fan_in,
    he_fan_out,
    partial_identity,
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


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 3), (3, 7), (7, 3)])
def test_partial_identity_passes_its_inputs(inputs, outputs):
    shape = (3, 3, inputs, outputs)
    kernel = partial_identity(jax.random.key(0), shape, jnp.float32)
    x = jax.random.normal(jax.random.key(1), (2, 6, 6, inputs))
    y = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    both = min(inputs, outputs)
    np.testing.assert_allclose(y[..., :both], x[..., :both], atol=1e-6)
    drawn = np.abs(kernel[..., both:])
    assert drawn.shape[-1] == outputs - both
    assert (drawn <= (9 * inputs) ** -0.5).all()
    assert (drawn > 0).all()
