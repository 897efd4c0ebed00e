import jax
import numpy as np

from resnet_jax.nn.whitening import patches, whitening_kernel


def images() -> jax.Array:
    """Neighbors alike, channels too."""
    rng = np.random.default_rng(0)
    coarse = rng.standard_normal((50, 4, 4, 3)).repeat(4, 1).repeat(4, 2)
    mixed = coarse @ rng.standard_normal((3, 3))
    return jax.numpy.asarray(mixed + rng.standard_normal(coarse.shape), "float32")


def test_windows_run_over_rows_columns_and_channels():
    x = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    found = np.asarray(patches(jax.numpy.asarray(x)))
    assert found.shape == (2, 3, 4, 12)
    np.testing.assert_array_equal(found[1, 2, 3], x[1, 2:4, 3:5].reshape(-1))


def test_outputs_are_uncorrelated_and_of_unit_size():
    x = images()
    kernel = whitening_kernel(x, epsilon=0.0)
    assert kernel.shape == (2, 2, 3, 24)
    y = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    half = np.asarray(y, np.float64)[..., :12].reshape(-1, 12)
    np.testing.assert_allclose(half.T @ half / len(half), np.eye(12), atol=1e-3)
    np.testing.assert_allclose(y[..., 12:], -y[..., :12], atol=1e-5)


def test_the_largest_direction_comes_first_and_epsilon_bounds_the_last():
    kernel = np.asarray(whitening_kernel(0 * images() + 1.0, epsilon=0.25))
    norms = np.linalg.norm(kernel.reshape(12, 24), axis=0)[:12]
    # One direction has the moment 12, the others none.
    np.testing.assert_allclose(norms[0], 12.25**-0.5, rtol=1e-4)
    np.testing.assert_allclose(norms[1:], 2.0, rtol=1e-4)
