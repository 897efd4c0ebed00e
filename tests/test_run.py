"""A run is taken up again from its folder alone."""

import json
import os
import shutil

import jax
import numpy as np
import pytest

from resnet_jax import config as configs
from resnet_jax.files import absolute
from resnet_jax.run import build_task, load, make_plan, options, saved_config


def scores(folder) -> dict[int, float]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return {line["step"]: line["test/loss"] for line in lines if "test/loss" in line}


def test_load_gives_the_run_without_its_data(finished_run):
    run = load(finished_run)
    assert run.step == 4 == int(run.state.step)
    assert run.spec.class_names == tuple("0123456789")
    assert run.config["model"]["stage_sizes"] == (1, 1, 1)
    images = np.zeros((2, 8, 8, 1), np.uint8)
    output = run.task.predict(run.state, {"image": images}, jax.random.key(0))
    np.testing.assert_allclose(output["probabilities"].sum(-1), 1, rtol=1e-5)


def test_load_by_step_and_by_score(finished_run):
    assert load(finished_run, "2").step == 2
    by_step = scores(finished_run)
    assert by_step.keys() == {2, 4} and by_step[2] != by_step[4]
    assert load(finished_run, "best").step == min(by_step, key=by_step.get)


def test_load_takes_relative_paths_and_the_home_folder(finished_run, monkeypatch):
    monkeypatch.chdir(finished_run.parent)
    monkeypatch.setenv("HOME", str(finished_run.parent))
    assert load(finished_run.name).step == load("~/run").step == 4
    assert str(absolute("gs://bucket/run")) == "gs://bucket/run"
    assert os.fspath(absolute("run")) == str(finished_run)


def test_load_passes_over_a_damaged_checkpoint(finished_run, tmp_path):
    shutil.copytree(finished_run, tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "4" / "_CHECKPOINT_METADATA").write_text("{")
    warnings = []
    assert load(tmp_path / "run", warn=warnings.append).step == 2
    assert len(warnings) == 1 and "checkpoint 4" in warnings[0]


@pytest.mark.parametrize("checkpoint", ["7", "last", "-2"])
def test_a_checkpoint_that_is_not_there(finished_run, checkpoint):
    with pytest.raises(ValueError, match=rf"no checkpoint '{checkpoint}'.*: 4, 2\."):
        load(finished_run, checkpoint)


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(ValueError, match="holds no run; expected a --workdir"):
        load(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ValueError, match="has no checkpoint yet; train it for longer"):
        load(tmp_path)


def test_saved_config(finished_run, tmp_path):
    saved = saved_config(finished_run)
    assert saved == load(finished_run).config
    assert saved["best"] == ("test/loss", "min")
    assert saved_config(tmp_path) is None
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json' is not JSON .* restore it"):
        saved_config(tmp_path)


def test_the_plan_of_a_config():
    config = configs.new_config()
    plan = make_plan(config)
    assert (plan.seed, plan.batch_size, plan.total_steps) == (0, 128, 1)
    assert plan.options == options(config) and plan.options.eval_every == 1000
    assert options({}).log_every == 50
    with pytest.raises(ValueError, match="config needs seed, batch_size, total_steps"):
        make_plan({})
    with pytest.raises(ValueError, match=r"config\.run takes no 'log'"):
        options({"run": {"log": 1}})


def test_a_config_without_a_task(finished_run):
    run = load(finished_run)
    without = {key: value for key, value in run.config.items() if key != "task"}
    for config in (without, {**without, "task": None}):
        with pytest.raises(ValueError, match=r"no task; set config\.task\.name"):
            build_task(config, run.spec)
    with pytest.raises(ValueError, match="task 'classification' needs optim"):
        build_task({k: v for k, v in run.config.items() if k != "optim"}, run.spec)
