import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.nn.transposed import TransposedConv


@pytest.mark.parametrize(
    ("size", "strides", "padding", "more", "side"),
    [(4, 2, None, 0, 6), (4, 1, 0, 0, 6), (3, 2, 1, 0, 5), (3, 2, 1, 1, 6)],
)
def test_by_hand(size, strides, padding, more, side):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 3, 3, 2)), rng.normal(size=(size, size, 2, 4))
    cut = (size - strides) // 2 if padding is None else padding
    # Every pixel adds its multiple of the mirrored kernel to the output.
    full = np.zeros((2, 2 * strides + size, 2 * strides + size, 4))
    for i in range(3):
        for j in range(3):
            rows = slice(i * strides, i * strides + size)
            columns = slice(j * strides, j * strides + size)
            part = np.einsum("bc,hwcd->bhwd", x[:, i, j], kernel[::-1, ::-1])
            full[:, rows, columns] += part
    with jax.enable_x64(True):
        conv = TransposedConv(
            4, size, strides, padding, output_padding=more, dtype=jnp.float64
        )
        y = conv.apply({"params": {"kernel": kernel}}, x)
    assert y.shape == (2, side, side, 4)
    want = full[:, cut : cut + side, cut : cut + side]
    np.testing.assert_allclose(y, want, atol=1e-12)
