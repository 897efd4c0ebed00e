from functools import partial

import numpy as np
from drawn import drawn

from resnet_jax.nn.convolution import Conv
from resnet_jax.nn.enhanced_block import EnhancedBlock


def test_a_scaled_branch_beside_the_image():
    conv = partial(Conv, kernel_size=3)
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype(np.float32)
    variables = drawn(EnhancedBlock(conv).init, x)
    one, tenth, none = (
        EnhancedBlock(conv, scale).apply(variables, x) for scale in (1.0, 0.1, 0.0)
    )
    np.testing.assert_array_equal(none, x)
    np.testing.assert_allclose(tenth, x + 0.1 * (one - x), atol=1e-6)
    assert (one != x).any()
