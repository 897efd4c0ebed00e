"""Two networks, their averages and the task's memory are taken up bit for bit."""

import jax
import numpy as np
import pytest
from command import metrics, train_here

from resnet_jax import config as configs
from resnet_jax.preemption import Preempted


def game() -> dict:
    """Everything that a state of adversaries may hold."""
    config = configs.read("digits_gan:smoke")
    with config.ignore_type():
        config.generator = {"name": "sngan_generator", "width": 8, "latent_size": 4}
        config.discriminator = {
            "name": "sngan_discriminator",
            "width": 8,
            "extra_blocks": 0,
            "bottom": 4,
        }
        config.penalties = {"lecam": 0.3}
        config.augment = {
            "name": "diff_augment",
            "policy": ("translation",),
            "strength": {"name": "adaptive", "target": -0.9, "every": 1, "images": 500},
        }
        config.data.evals = {"test": {"split": "test", "transforms": {}}}
    config.batch_size = 40
    config.task.update(loss="hinge", n_critic=2)
    return configs.from_json(configs.to_json(config))


@pytest.mark.slow
def test_a_game_that_was_interrupted_ends_as_an_unbroken_one(tmp_path):
    config = game()
    whole = train_here(tmp_path / "whole", config)
    assert {"lecam", "augment"} == whole.memory.keys()
    assert float(whole.memory["augment"]["strength"]) > 0
    assert "spectral" in whole.nets["discriminator"].stats
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
