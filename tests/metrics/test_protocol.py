"""A protocol is data, and a sentence."""

import dataclasses
import json

from resnet_jax.metrics.protocol import Protocol

MADE = Protocol(
    reference="train",
    num_real=50_000,
    num_fake=10_000,
    features="inception_2015",
    digest="0123456789abcdef",
    resize="legacy",
    size=(32, 32),
    ema=True,
    seed=3,
)


def test_it_is_plain_data():
    record = MADE.record()
    assert json.loads(json.dumps(record)) == record
    assert record["quantizer"] == "round(127.5 x + 127.5)"
    assert record.keys() == {f.name for f in dataclasses.fields(Protocol)}


def test_it_is_a_sentence():
    text = str(MADE)
    for part in ("10,000 images", "50,000 of train", "32 x 32", "resize legacy"):
        assert part in text
    assert text.endswith(", averaged weights, seed 3.")
    assert ", last weights, seed 3." in str(dataclasses.replace(MADE, ema=False))
    assert "weights" not in str(dataclasses.replace(MADE, ema=None))
    assert "seed" not in str(dataclasses.replace(MADE, seed=None))
