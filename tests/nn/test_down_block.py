import jax
import numpy as np
import pytest
from drawn import drawn

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.down_block import DownBlock
from resnet_jax.nn.resampling import avg_pool

X = np.random.default_rng(0).normal(size=(2, 4, 4, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("features", "hidden", "strides", "preact", "residual", "project"),
    [
        (5, None, 2, True, True, True),
        (4, None, 1, True, True, True),
        (5, 5, 1, False, True, False),
        (4, 5, 2, False, False, True),
        (4, None, 2, True, True, False),
    ],
)
def test_in_the_papers_order(features, hidden, strides, preact, residual, project):
    given = {"residual": residual, "project": project}
    block = DownBlock(features, hidden, strides, preact, **given)
    params = drawn(block.init, X)["params"]
    changes = features != 4 or (strides > 1 and project)
    assert params["conv1"]["bias"].size == (hidden or 4)
    assert ("shortcut" in params) == (changes and residual)

    def in_order(params):
        def conv(name, x):
            size, channels = params[name]["kernel"].shape[0], params[name]["bias"].size
            layer = Conv(channels, size, use_bias=True)
            return layer.apply({"params": params[name]}, x)

        y = jax.nn.relu(conv("conv1", jax.nn.relu(X) if preact else X))
        y = avg_pool(conv("conv2", y), strides)
        if not residual:
            return y
        return y + avg_pool(conv("shortcut", X) if changes else X, strides)

    both = jax.jit(lambda p: (block.apply({"params": p}, X), in_order(p)))
    np.testing.assert_allclose(*both(params), rtol=1e-4, atol=1e-5)
