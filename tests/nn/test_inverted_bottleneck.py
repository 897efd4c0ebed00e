import jax
import numpy as np
import pytest
from drawn import drawn

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.inverted_bottleneck import InvertedBottleneck

X = np.random.default_rng(0).normal(size=(2, 4, 4, 32)).astype(np.float32)


def test_it_starts_as_the_identity_with_the_papers_gains():
    block = InvertedBottleneck(gain=8**-0.25, group_size=16)
    y, variables = jax.jit(block.init_with_output)(jax.random.key(0), X)
    np.testing.assert_array_equal(y, X)
    params = variables["params"]
    assert params["conv2"]["kernel"].shape == (3, 3, 16, 64)
    assert (params["conv3"]["kernel"] == 0).all() and "bias" not in params["conv3"]
    gain = np.sqrt(2 / (1 + 0.2**2)) * 8**-0.25
    for name, fan_in in (("conv1", 32), ("conv2", 9 * 16)):
        assert (params[name]["bias"] == 0).all()
        std = params[name]["kernel"].std()
        assert std == pytest.approx(gain / fan_in**0.5, rel=0.04)


def test_by_hand():
    block = InvertedBottleneck(group_size=8, expansion=3)
    params = drawn(block.init, X, scale=0.1)["params"]

    def in_order(params):
        def conv(name, x, **given):
            size, _, _, channels = params[name]["kernel"].shape
            layer = Conv(channels, size, **given)
            return layer.apply({"params": params[name]}, x)

        y = jax.nn.leaky_relu(conv("conv1", X, use_bias=True), 0.2)
        y = jax.nn.leaky_relu(conv("conv2", y, use_bias=True, groups=12), 0.2)
        return X + conv("conv3", y)

    both = jax.jit(lambda p: (block.apply({"params": p}, X), in_order(p)))
    np.testing.assert_allclose(*both(params), rtol=1e-4, atol=1e-5)
