import itertools
from collections import Counter

import numpy as np
import pytest

from resnet_jax.data import Data

REPEATED = {
    "source": "digits",
    "train": {
        "split": "train",
        "transforms": {"pad_crop_flip": {"pad": 3}},
        "repeats": 3,
    },
}


def take(section, count, step=0, batch_size=20, **arguments):
    batches = Data(section, batch_size=batch_size, seed=0, **arguments).train(step)
    try:
        return list(itertools.islice(batches, count))
    finally:
        batches.close()


def test_an_epoch_sees_a_third_of_the_examples_three_times():
    """1437 examples: 71 batches of 20, as without repeats."""
    seen = np.concatenate([batch["index"] for batch in take(REPEATED, 71)])
    counts = Counter(seen.tolist())
    assert len(counts) == -(-71 * 20 // 3) and set(counts.values()) == {3, 1}
    runs = [len(list(group)) for _, group in itertools.groupby(seen)]
    assert set(runs[:-1]) == {3}
    following = np.concatenate([batch["index"] for batch in take(REPEATED, 71, 71)])
    assert set(following.tolist()) != set(counts)


def test_copies_are_augmented_apart():
    (batch,) = take(REPEATED, 1)
    assert batch["index"][0] == batch["index"][1] == batch["index"][2]
    assert (batch["image"][0] != batch["image"][1]).any()
    np.testing.assert_array_equal(batch["label"][0], batch["label"][2])


def test_order_is_that_of_a_run_without_repeats():
    plain = {**REPEATED, "train": {**REPEATED["train"], "repeats": 1}}
    once = np.concatenate([b["index"] for b in take(plain, 3)])
    thrice = np.concatenate([b["index"] for b in take(REPEATED, 9)])
    np.testing.assert_array_equal(np.repeat(once, 3), thrice)


def test_resume_and_processes():
    straight = take(REPEATED, 75)
    for a, b in zip(straight[70:], take(REPEATED, 5, 70), strict=True):
        np.testing.assert_array_equal(a["image"], b["image"])
    parts = [take(REPEATED, 2, 7, process_index=i, process_count=2) for i in range(2)]
    for whole, *halves in zip(straight[7:9], *parts, strict=True):
        for key in whole:
            joined = np.concatenate([half[key] for half in halves])
            np.testing.assert_array_equal(whole[key], joined)


def test_mistake():
    section = {**REPEATED, "train": {**REPEATED["train"], "repeats": 0}}
    with pytest.raises(ValueError, match=r"data\.train\.repeats is 0; expected at"):
        Data(section, batch_size=8, seed=0)
