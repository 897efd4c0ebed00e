"""Image files on disk, and the batches of data that reads them."""

import itertools

import numpy as np
from PIL import Image

from resnet_jax.data import Data

RNG = np.random.default_rng(7)


def save(path, height=10, width=12, mode="RGB"):
    """Writes a picture of noise; returns its pixels [H, W, C]."""
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    x = RNG.integers(0, 256, shape, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(x).save(path)
    return x.reshape(height, width, -1)


def make(section, **arguments):
    return Data(section, **{"batch_size": 4, "seed": 0, **arguments})


def take(data, count, step=0, attempt=0):
    batches = data.train(step, attempt)
    try:
        return list(itertools.islice(batches, count))
    finally:
        batches.close()


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert a[key].dtype == b[key].dtype
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def assert_a_function_of_the_step(section, **arguments):
    """Continuing equals running on, and processes hold parts of the same batches."""
    straight = take(make(section, **arguments), 9)
    for a, b in zip(straight[4:], take(make(section, **arguments), 5, 4), strict=True):
        assert_same(a, b)
    halves = [
        take(make(section, process_index=p, process_count=2, **arguments), 9)
        for p in range(2)
    ]
    for whole, *parts in zip(straight, *halves, strict=True):
        joined = {key: np.concatenate([part[key] for part in parts]) for key in whole}
        assert_same(whole, joined)
    for other in ({"seed": 1}, {"attempt": 1}):
        data = make(section, **{**arguments, "seed": other.get("seed", 0)})
        (changed,) = take(data, 1, attempt=other.get("attempt", 0))
        for key in changed.keys() & {"index", "index_b"}:
            assert (changed[key] != straight[0][key]).any()
