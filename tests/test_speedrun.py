"""The verb `train` on a config with a speedrun section."""

import json

import numpy as np
import pytest

from resnet_jax import config as configs
from resnet_jax import run
from resnet_jax.preemption import Preempted
from resnet_jax.speedrun import results_of, speedrun_options, table
from resnet_jax.verbs.train import train


def tiny(**options) -> configs.ConfigDict:
    """A ResNet of one block on digits: any classifier may be run like this."""
    config = configs.read("digits_resnet:smoke")
    config.model.update(stage_sizes=(1,), width=4)
    config.data.train.transforms = {}
    config.total_steps = 2
    config.batch_size = 128
    config.speedrun = dict(pad=1, tta=1, **options)
    return config


@pytest.mark.slow
def test_a_run_leaves_numbers_results_and_a_usable_checkpoint(tmp_path, capsys):
    workdir = str(tmp_path / "run")
    metrics = train(tiny(seeds=2), name="tiny", workdir=workdir)
    assert 0 <= metrics["test/accuracy"] <= 1
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [1, 2, 2]
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["n"] == 2 and results["seeds"] == [0, 1]
    accuracies = results["accuracy"]["values"]
    np.testing.assert_allclose(np.mean(accuracies), metrics["test/accuracy"], 1e-6)
    assert len(results["seconds_per_run"]["values"]) == 2
    assert (tmp_path / "run" / "report.html").exists()
    loaded = run.load(workdir)
    assert loaded.step == 2
    again = train(tiny(seeds=2), name="tiny", workdir=workdir)
    assert again == {}
    assert "finished: nothing to do" in capsys.readouterr().out


def test_results_and_table_by_hand():
    judged = {
        "accuracy": np.array([0.9, 0.94]),
        "plain_accuracy": np.array([0.9, 0.9]),
        "loss": np.array([1.0, 1.0]),
    }
    results = results_of(judged, np.array([[0, 1]]), [3.0], 7.5, True)
    assert results["accuracy"]["mean"] == pytest.approx(0.92)
    assert results["accuracy"]["sd"] == pytest.approx(0.04 / 2**0.5)
    assert results["seconds_per_seed"] == 1.5
    head, row = table(results).splitlines()
    assert head.split()[:3] == ["n", "accuracy", "%"]
    assert row.split()[:4] == ["2", "92.00", "±", "2.83"]
    assert "7.5" in row


def test_a_config_without_the_section_is_none():
    assert speedrun_options({"batch_size": 1}) is None
    with pytest.raises(ValueError, match="Did you mean seeds"):
        speedrun_options({"speedrun": {"seds": 2}})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("run.parallel", "pmap", "one process and one device"),
        ("speedrun.whiten", "5", "has no whitening convolution"),
        ("best", "('test/calibration_error', 'min')", "a speedrun measures accuracy"),
        (
            "data.train.transforms.flip.probability",
            "0.5",
            r"random transforms \(Flip\)",
        ),
    ],
)
def test_what_stays_a_loops_is_refused(field, value, message, tmp_path):
    config = tiny()
    configs.override(config, field, value)
    with pytest.raises(ValueError, match=message):
        train(config, name="tiny", workdir=str(tmp_path / "run"))


def test_a_wish_to_stop_is_heard_between_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr("resnet_jax.preemption.Stop.__call__", lambda self, step: True)
    with pytest.raises(Preempted, match=r"before seed 0.* starts again"):
        train(tiny(), name="tiny", workdir=str(tmp_path / "run"))
    assert not list(tmp_path.glob("run/checkpoints/*"))
