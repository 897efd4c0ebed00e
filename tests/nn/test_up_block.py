import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.conditional import LabelNorm
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.up_block import UpBlock

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 3, 4)), jnp.float32)
LABELS = jnp.array([1, 0])


def repeated(x):
    return x.repeat(2, 1).repeat(2, 2)


@pytest.mark.parametrize("residual", [True, False])
def test_in_the_papers_order(residual):
    block = UpBlock(5, norm=lambda **given: LabelNorm(2, **given), residual=residual)
    variables = jax.jit(block.init, static_argnums=3)(
        jax.random.key(0), X, LABELS, False
    )
    params, stats = variables["params"], variables["batch_stats"]
    # Biases and scales that are not zero and one.
    params = jax.tree.map(lambda p: p + 0.1, params)

    def norm(name, x):
        own = {"params": params[name], "batch_stats": stats[name]}
        return jax.nn.relu(LabelNorm(2).apply(own, x, LABELS, False))

    def conv(name, size, x):
        return Conv(5, size, use_bias=True).apply({"params": params[name]}, x)

    y = conv("conv1", 3, repeated(norm("bn1", X)))
    y = conv("conv2", 3, norm("bn2", y))
    if residual:
        y = y + conv("shortcut", 1, repeated(X))
    assert ("shortcut" in params) == residual
    found = block.apply({"params": params, "batch_stats": stats}, X, LABELS, False)
    np.testing.assert_allclose(found, y, rtol=1e-4, atol=1e-5)
