import jax
import numpy as np

from resnet_jax.nn.default_conv import default_conv


def test_kernel_and_bias_are_uniform_within_the_root_of_the_inputs():
    x = np.zeros((1, 5, 5, 16), np.float32)
    conv = default_conv(256, 3, inputs=16)
    params = conv.init(jax.random.key(0), x)["params"]
    bound = (9 * 16) ** -0.5
    for leaf in (params["kernel"], params["bias"]):
        assert 0.97 * bound < np.abs(leaf).max() <= bound
        np.testing.assert_allclose(leaf.std(), bound / 3**0.5, rtol=0.1)
    without = default_conv(4, 1, inputs=16, use_bias=False).init(jax.random.key(0), x)
    assert without["params"].keys() == {"kernel"}
