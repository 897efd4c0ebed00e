"""Layers of a run of several networks."""

import types

import numpy as np

from resnet_jax.state import NetState, TrainState
from resnet_jax.verbs import models


def test_layers_of_several_networks_begin_with_their_names(tmp_path, monkeypatch):
    nets = {
        name: NetState({"conv": {"kernel": np.ones((1, 1, 2, 3))}}, {}, None)
        for name in ("generator", "discriminator")
    }
    task = types.SimpleNamespace(prepare_eval=lambda state, batches, key: state)
    run = types.SimpleNamespace(task=task, state=TrainState(np.int32(0), nets))
    monkeypatch.setattr(models, "load", lambda path, warn: run)
    rows = models.models(str(tmp_path), layers=True)
    assert [row["layer"] for row in rows] == [
        "discriminator/conv/kernel",
        "generator/conv/kernel",
    ]
