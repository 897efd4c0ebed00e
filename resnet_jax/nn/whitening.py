"""A first convolution whose outputs are uncorrelated, from the images themselves."""

import jax
import jax.numpy as jnp


def patches(images: jax.Array, size: int = 2) -> jax.Array:
    """Every size x size window of images [N, H, W, C], [N, H', W', size * size * C].

    The last axis runs over row, column and channel, as a kernel [size, size, C] does.
    """
    height, width = (n - size + 1 for n in images.shape[1:3])
    windows = [
        images[:, row : row + height, column : column + width]
        for row in range(size)
        for column in range(size)
    ]
    return jnp.concatenate(windows, -1)


def whitening_kernel(
    images: jax.Array, size: int = 2, epsilon: float = 5e-4
) -> jax.Array:
    """A kernel that decorrelates the windows of images, each filter and its negative.

    The filters are the eigenvectors of the windows' second moments, divided by
    sqrt(eigenvalue + epsilon), the largest eigenvalue first. Page 2022 (How to Train
    Your ResNet, part 8); Jordan 2024, arXiv:2404.00498.

    Args:
        images: float [N, H, W, C] in model units.
        size: of the windows in pixels.
        epsilon: keeps filters of nearly constant directions finite.

    Returns:
        float32 [size, size, C, 2 * size * size * C].
    """
    x = patches(images.astype(jnp.float32), size)
    x = x.reshape(-1, x.shape[-1])
    moments = jnp.matmul(x.T, x, precision="highest") / x.shape[0]
    values, vectors = jnp.linalg.eigh(moments)
    filters = (vectors / jnp.sqrt(values + epsilon))[:, ::-1]
    both = jnp.concatenate([filters, -filters], -1)
    return both.reshape(size, size, images.shape[-1], -1)
