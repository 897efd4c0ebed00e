"""Pools of images, dropout and averages are taken up bit for bit."""

import jax
import numpy as np
import pytest
from command import metrics, train_here

from resnet_jax import config as configs
from resnet_jax.preemption import Preempted


def small(name, **changes):
    """A smoke run of networks of a few weights."""
    config = configs.read(f"{name}:smoke")
    changes = {"generator.width": 4, "discriminator.width": 4, **changes}
    changes |= {"batch_size": 4, "run.tensorboard": False}
    for field, value in changes.items():
        configs.override(config, field, str(value))
    return configs.from_json(configs.to_json(config))


def unpaired():
    """The pools are full after a step and a half."""
    changes = {"generator.blocks": 1, "discriminator.name": "patchgan16"}
    changes |= {"discriminator.layers": 1, "task.pool_size": 6}
    changes |= {"data.source.source.patch": 16}
    return small("cifar_horse2deer_cyclegan", **changes)


def paired():
    return small("facades_pix2pix", **{"task.ema_decay": 0.9, "data.source.patch": 16})


@pytest.mark.slow
@pytest.mark.parametrize("make", [unpaired, paired], ids=lambda make: make.__name__)
def test_a_run_that_was_interrupted_ends_as_an_unbroken_one(make, tmp_path):
    config = make()
    whole = train_here(tmp_path / "whole", config)
    if make is unpaired:
        assert [int(whole.memory[name]["filled"]) for name in "ab"] == [6, 6]
    parts = tmp_path / "parts"
    with pytest.raises(Preempted):
        train_here(parts, config, lambda step: step == 3)
    again = train_here(parts, config)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    assert metrics(parts) == metrics(tmp_path / "whole")
    assert (parts / "samples" / "00000004.png").read_bytes() == (
        tmp_path / "whole" / "samples" / "00000004.png"
    ).read_bytes()
