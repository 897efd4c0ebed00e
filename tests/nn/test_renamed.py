from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from resnet_jax.nn.renamed import Renamed


class Network(nn.Module):
    norm: str = "a field of the name that the part is to have"

    def setup(self):
        self.part = Renamed(partial(nn.Dense, 2), "norm")
        nn.share_scope(self, self.part)

    def __call__(self, x):
        return self.part(x)


def test_the_part_lies_under_its_label():
    x = jnp.ones((1, 3))
    y, variables = Network().init_with_output(jax.random.key(0), x)
    assert list(variables["params"]) == ["norm"]
    np.testing.assert_allclose(y, x @ variables["params"]["norm"]["kernel"], rtol=1e-6)
