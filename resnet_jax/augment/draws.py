"""Random numbers of each image of a batch, the same on any number of devices."""

from collections.abc import Callable

import jax
from jax import Array

from resnet_jax.parallel import rows


def per_image(
    sample: Callable, key: Array, images: Array, count: int, axis_name: str | None
) -> Array:
    """`count` numbers for each of this device's images, [count, B, 1, 1, 1].

    Args:
        sample: jax.random.uniform or normal.
        key: the same on all devices.
        images: [B, H, W, C].
        count: of numbers.
        axis_name: the device axis under pmap.
    """
    num_devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
    # In float32 also where images are not, so that any type sees the same changes.
    numbers = sample(key, (len(images) * num_devices, count), "float32")
    return rows(numbers, axis_name).T.reshape(count, -1, 1, 1, 1)
