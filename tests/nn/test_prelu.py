import jax
import numpy as np

from resnet_jax.nn.prelu import PReLU


def test_one_slope_that_is_learned():
    x = np.array([[-2.0, 0.0], [3.0, -1.0]], np.float32)
    y, variables = PReLU().init_with_output(jax.random.key(0), x)
    np.testing.assert_array_equal(y, [[-0.5, 0], [3, -0.25]])
    assert variables["params"]["slope"].shape == (1,)
    grad = jax.grad(lambda v: PReLU().apply(v, x).sum())(variables)
    assert grad["params"]["slope"] == -3
    assert PReLU().apply(variables, x.astype("bfloat16")).dtype == "bfloat16"
