import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.padding import pad


def test_borders_by_hand():
    x = jnp.arange(6.0).reshape(1, 2, 3, 1)
    reflected = [[4, 3, 4, 5, 4], [1, 0, 1, 2, 1], [4, 3, 4, 5, 4], [1, 0, 1, 2, 1]]
    np.testing.assert_array_equal(pad(x, 1, "reflect")[0, ..., 0], reflected)
    zeros = pad(x, 2, "zeros")
    assert zeros.shape == (1, 6, 7, 1) and zeros.sum() == x.sum()
    np.testing.assert_array_equal(zeros[:, 2:-2, 2:-2], x)


def test_what_cannot_be_padded_is_refused():
    with pytest.raises(ValueError, match="3 x 4 pixels have no 3 beside the border"):
        pad(jnp.zeros((1, 3, 4, 1)), 3, "reflect")
    with pytest.raises(ValueError, match=r"unknown padding 'reflct'.*reflect"):
        pad(jnp.zeros((1, 3, 4, 1)), 1, "reflct")
