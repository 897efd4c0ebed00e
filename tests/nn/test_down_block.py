import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.down_block import DownBlock
from resnet_jax.nn.resampling import avg_pool

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 4, 4)), jnp.float32)


@pytest.mark.parametrize(
    ("features", "hidden", "strides", "preact", "residual"),
    [
        (5, None, 2, True, True),
        (4, None, 1, True, True),
        (5, 5, 1, False, True),
        (4, 5, 2, False, False),
    ],
)
def test_in_the_papers_order(features, hidden, strides, preact, residual):
    block = DownBlock(features, hidden, strides, preact, residual=residual)
    params = jax.jit(block.init)(jax.random.key(0), X)["params"]
    params = jax.tree.map(lambda p: p + 0.1, params)

    def conv(name, x):
        size, channels = params[name]["kernel"].shape[0], params[name]["bias"].size
        return Conv(channels, size, use_bias=True).apply({"params": params[name]}, x)

    assert params["conv1"]["bias"].size == (hidden or 4)
    y = jax.nn.relu(conv("conv1", jax.nn.relu(X) if preact else X))
    y = avg_pool(conv("conv2", y), strides)
    changes = features != 4 or strides > 1
    assert ("shortcut" in params) == (changes and residual)
    if residual:
        y = y + (avg_pool(conv("shortcut", X), strides) if changes else X)
    found = block.apply({"params": params}, X)
    np.testing.assert_allclose(found, y, rtol=1e-4, atol=1e-5)
