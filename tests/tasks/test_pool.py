"""Images made earlier: which are kept, and which are seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.tasks.pool import empty_pool, query

KEY = jax.random.key(0)
compiled = jax.jit(query)


def numbered(*numbers):
    """An image of two pixels per number."""
    return jnp.float32(numbers)[:, None, None, None] * jnp.ones((1, 1, 2, 1))


def numbers(images):
    found = np.asarray(images)
    assert (found == found[:, :1, :1, :1]).all()  # no image is a mixture
    return found[:, 0, 0, 0].tolist()


def full(size, count=1):
    """A pool of the images 0, 1 ... size - 1."""
    pool = empty_pool(size, numbered(0))
    for i in range(0, size, count):
        pool, _ = compiled(pool, numbered(*range(i, i + count)), KEY)
    return pool


def test_it_begins_empty():
    pool = empty_pool(3, jnp.ones((8, 4, 5, 2), jnp.float16))
    assert pool["images"].shape == (3, 4, 5, 2) and int(pool["filled"]) == 0
    assert pool["images"].dtype == jnp.float16


@pytest.mark.parametrize("count", [1, 2])
def test_while_there_is_room_what_is_new_is_stored_and_seen(count):
    pool = empty_pool(4, numbered(0))
    for i in range(0, 4, count):
        new = numbered(*range(i + 1, i + 1 + count))
        pool, seen = compiled(pool, new, jax.random.fold_in(KEY, i))
        assert numbers(seen) == numbers(new)
        assert int(pool["filled"]) == i + count
    assert numbers(pool["images"]) == [1, 2, 3, 4]


def test_then_it_is_seen_or_takes_an_old_ones_place():
    pool, swaps, places = full(8), 0, []
    for i in range(400):
        new = numbered(100 + 2 * i, 101 + 2 * i)
        before = numbers(pool["images"])
        pool, seen = compiled(pool, new, jax.random.fold_in(KEY, i))
        after = numbers(pool["images"])
        moved = [place for place in range(8) if before[place] != after[place]]
        swaps += len(moved)
        places += moved
        for came, saw in zip(numbers(new), numbers(seen), strict=True):
            if came in after:
                assert before[after.index(came)] == saw
            else:
                assert saw == came
        # Nothing is lost, and nothing is there twice.
        assert (
            sorted(before + numbers(new)) == sorted(after + numbers(seen))
            and len({*after}) == 8
        )
        assert int(pool["filled"]) == 8
    # 800 chances of one half: three standard deviations are 42.
    assert abs(swaps - 400) < 42
    assert np.bincount(places, minlength=8).min() > 30


@pytest.mark.parametrize(("size", "filled", "count"), [(5, 4, 4), (5, 3, 5), (6, 4, 4)])
def test_the_batch_that_fills_it_up(size, filled, count):
    """The first of it are stored, the others meet what was there before."""
    old = list(range(1, filled + 1))
    room, new = size - filled, list(range(10, 10 + count))
    start = empty_pool(size, numbered(0))
    start, _ = query(start, numbered(*old), KEY)
    swapped = set()
    for i in range(40):
        pool, seen = compiled(start, numbered(*new), jax.random.fold_in(KEY, i))
        assert int(pool["filled"]) == size
        after, saw = numbers(pool["images"]), numbers(seen)
        assert after[filled:] == new[:room] == saw[:room]
        assert sorted(after + saw[room:]) == sorted(old + new)
        swapped |= {*saw[room:]} & {*old}
    assert swapped == {*old}


def test_a_batch_meets_different_places():
    pool = full(4)
    for i in range(30):
        after, seen = compiled(pool, numbered(7, 8, 9, 10), jax.random.fold_in(KEY, i))
        assert len({*numbers(seen)}) == len({*numbers(after["images"])}) == 4


def test_compiled_it_is_the_same_to_the_last_bit():
    pool = empty_pool(5, jnp.zeros((1, 3, 3, 2)))
    rng = np.random.default_rng(0)
    other = pool
    for i in range(6):
        new = jnp.float32(rng.normal(size=(2, 3, 3, 2)))
        key = jax.random.fold_in(KEY, i)
        pool, seen = query(pool, new, key)
        other, also = compiled(other, new, key)
        jax.tree.map(np.testing.assert_array_equal, (pool, seen), (other, also))


def test_it_holds_at_least_a_batch():
    with pytest.raises(AssertionError, match="at least a batch"):
        query(empty_pool(1, numbered(0)), numbered(1, 2), KEY)
