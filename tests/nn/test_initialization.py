import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.initialization import (
    KERNEL_INITS,
    he_fan_in,
    he_fan_out,
    partial_identity,
    scaled_normal,
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


def test_kernels_of_generators_and_discriminators():
    shape = (3, 3, 16, 32)
    for name, std in (
        ("glorot", [(4 / (9 * 48)) ** 0.5, (2 / (9 * 48)) ** 0.5]),
        ("normal", [0.02, 0.02]),
        ("glorot_002", [0.02 * (2 / (9 * 48)) ** 0.5] * 2),
    ):
        drawn = [init(jax.random.key(0), shape) for init in KERNEL_INITS[name]]
        np.testing.assert_allclose([k.std() for k in drawn], std, rtol=0.05)
    kernel = KERNEL_INITS["orthogonal"][0](jax.random.key(0), shape).reshape(-1, 32)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(32), atol=1e-5)
    kernel = scaled_normal(3)(jax.random.key(0), shape)
    np.testing.assert_allclose(kernel.std(), 3 / (9 * 16) ** 0.5, rtol=0.05)
