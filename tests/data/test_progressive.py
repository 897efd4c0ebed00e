import itertools

import numpy as np
import pytest

from resnet_jax.data import Data
from resnet_jax.data.progressive import Progressive

GROWING = {
    "source": "digits",
    "train": {
        "split": "train",
        "transforms": {"random_resized_crop": {"size": 12}, "flip": {}},
        "progressive": {"sizes": (6, 8, 12), "boundaries": (2, 5)},
    },
    "evals": {"test": {"split": "test"}},
}


def take(section, count, step=0):
    batches = Data(section, batch_size=8, seed=0).train(step)
    try:
        return list(itertools.islice(batches, count))
    finally:
        batches.close()


def test_size_of_a_step():
    growth = Progressive((160, 192), (10,))
    assert [growth.size(k) for k in (0, 9, 10, 11)] == [160, 160, 192, 192]
    assert Progressive((32,), ()).size(99) == 32


def test_batches_grow_and_nothing_else_changes():
    batches = take(GROWING, 8)
    sides = [batch["image"].shape[1:] for batch in batches]
    assert sides == [(6, 6, 1)] * 2 + [(8, 8, 1)] * 3 + [(12, 12, 1)] * 3
    still = {**GROWING, "train": {**GROWING["train"], "progressive": None}}
    for grown, fixed in zip(batches, take(still, 8), strict=True):
        np.testing.assert_array_equal(grown["index"], fixed["index"])
    np.testing.assert_array_equal(batches[7]["image"], take(still, 8)[7]["image"])


def test_resume_on_either_side_of_a_change():
    straight = take(GROWING, 8)
    for step in (1, 2, 4, 5):
        for a, b in zip(straight[step:], take(GROWING, 8 - step, step), strict=True):
            np.testing.assert_array_equal(a["image"], b["image"])


def test_single_examples_grow_too(tmp_path):
    source = {"name": "photos", "patch": 16, "samples_per_example": 4}
    section = {**GROWING, "source": source}
    sides = [b["image"].shape[1] for b in take(section, 6, 1)]
    assert sides == [6, 8, 8, 8, 12, 12]


def test_spec_and_evaluation_keep_one_size():
    data = Data(GROWING, batch_size=8, seed=0)
    assert data.spec.shapes["image"] == (12, 12, 1)
    assert next(data.evals["test"]())["image"].shape == (8, 8, 8, 1)


@pytest.mark.parametrize(
    "progressive, message",
    [
        ({"sizes": (6, 12), "boundaries": (2, 5)}, "one boundary fewer"),
        ({"sizes": (0, 12), "boundaries": (2,)}, "give sizes from 1"),
        ({"sizes": (6, 8, 12), "boundaries": (5, 2)}, "expected them to rise, from 1"),
        (
            {"sizes": (6, 8), "boundaries": (2,)},
            "ends at 8 pixels; expected a random_r",
        ),
        ({"sizes": (6, 12)}, r"data\.train\.progressive needs boundaries"),
        ({"size": 6}, "takes no 'size'. Did you mean sizes"),
    ],
)
def test_mistakes(progressive, message):
    section = {**GROWING, "train": {**GROWING["train"], "progressive": progressive}}
    with pytest.raises(ValueError, match=message):
        Data(section, batch_size=8, seed=0)


def test_an_evaluation_does_not_grow():
    part = {"split": "test", "progressive": GROWING["train"]["progressive"]}
    with pytest.raises(ValueError, match=r"data\.evals\.test takes no 'progressive'"):
        Data({**GROWING, "evals": {"test": part}}, batch_size=8, seed=0)
