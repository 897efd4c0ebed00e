from functools import partial

import jax
import numpy as np
import pytest
from drawn import drawn

from resnet_jax.nn.conditional import LabelNorm
from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.up_block import UpBlock

X = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
LABELS = np.array([1, 0])


def in_order(variables, residual, project):
    """The block in the order that the papers give."""
    params = variables["params"]

    def norm(name, x):
        own = {kind: tree[name] for kind, tree in variables.items() if name in tree}
        return jax.nn.relu(LabelNorm(2).apply(own, x, LABELS, False))

    def conv(name, size, x):
        return Conv(params["conv1"]["bias"].size, size, use_bias=True).apply(
            {"params": params[name]}, x
        )

    def repeated(x):
        return x.repeat(2, 1).repeat(2, 2)

    y = conv("conv1", 3, repeated(norm("bn1", X)))
    y = conv("conv2", 3, norm("bn2", y))
    if not residual:
        return y
    return y + (conv("shortcut", 1, repeated(X)) if project else repeated(X))


@pytest.mark.parametrize(
    ("features", "project", "residual"),
    [(5, True, True), (5, True, False), (4, True, True), (4, False, True)],
)
def test_in_the_papers_order(features, project, residual):
    given = {"project": project, "residual": residual}
    block = UpBlock(features, norm=partial(LabelNorm, 2), **given)

    variables = drawn(block.init, X, LABELS, train=False)
    assert ("shortcut" in variables["params"]) == (residual and project)

    @jax.jit
    def both(variables):
        found = block.apply(variables, X, LABELS, False)
        return found, in_order(variables, residual, project)

    found, want = both(variables)
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)
