import types

import numpy as np
import pytest

from resnet_jax.state import NetState, TrainState
from resnet_jax.verbs import models as verb
from resnet_jax.verbs.models import models


def test_layers_of_several_networks_begin_with_their_names(tmp_path, monkeypatch):
    nets = {
        name: NetState({"conv": {"kernel": np.ones((1, 1, 2, 3))}}, {}, None)
        for name in ("generator", "discriminator")
    }
    task = types.SimpleNamespace(prepare_eval=lambda state, batches, key: state)
    run = types.SimpleNamespace(task=task, state=TrainState(np.int32(0), nets))
    monkeypatch.setattr(verb, "load", lambda path, warn: run)
    rows = models(str(tmp_path), layers=True)
    assert [row["layer"] for row in rows] == [
        "discriminator/conv/kernel",
        "generator/conv/kernel",
    ]


def test_networks_that_take_latents_and_labels():
    rows = {row["model"]: row for row in models("[sb]*gan*")}
    assert rows["sngan_generator"]["parameters"] == 4_276_739
    assert rows["sngan_generator"]["input"] == "128"
    assert rows["biggan_generator"]["input"] == "80 + label"
    assert rows["biggan_discriminator"]["input"] == "32x32 + label"


def test_layers_of_a_generator():
    rows = {row["layer"]: row for row in models("dcgan_generator", layers=True)}
    assert rows["conv4/kernel"]["std"] == pytest.approx(0.02, rel=0.05)
    assert rows["bn1/norm/scale"]["mean"] == pytest.approx(1, rel=0.05)
