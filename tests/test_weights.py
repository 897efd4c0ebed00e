"""Weights from elsewhere: to begin from, and to learn from."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest

from resnet_jax import config as configs
from resnet_jax.checkpoint import Checkpoints
from resnet_jax.helpers import read_helpers
from resnet_jax.run import build_task, load
from resnet_jax.spec import DataSpec
from resnet_jax.state import NetState, TrainState
from resnet_jax.tasks.base import compile_train_step
from resnet_jax.verbs.train import train
from resnet_jax.weights import warm_start


def small(**changes):
    """The config of the finished run, changed."""
    config = configs.read("digits_resnet:smoke")
    config.model.stage_sizes = (1, 1, 1)
    config.best = ("test/loss", "min")
    for field, value in changes.items():
        configs.override(config, field.replace("__", "."), str(value))
    return config


def task_of(finished_run, classes=10, **changes):
    spec = load(finished_run).spec
    names = tuple(map(str, range(classes)))
    spec = dataclasses.replace(spec, class_names=names)
    plain = configs.from_json(configs.to_json(small(**changes)))
    return build_task(plain, spec), spec


def begin(task, spec, start=None):
    init = jax.jit(lambda key, start: task.init(key, spec.batch(1), start))
    return init(jax.random.key(5), start).nets["model"]


@pytest.mark.parametrize("classes", [10, 7])
def test_a_run_begins_from_another_with_a_new_head_where_classes_differ(
    finished_run, classes
):
    task, spec = task_of(finished_run, classes)
    drawn = begin(task, spec)
    state = jax.eval_shape(lambda: task.init(jax.random.key(0), spec.batch(1)))
    start, said = warm_start(str(finished_run), state, spec)
    found = begin(task, spec, start)
    other = load(finished_run)
    source = other.task.prepare_eval(other.state).nets["model"]
    body, head = dict(found.params), found.params["fc"]
    body.pop("fc")
    for name, value in body.items():
        for a, b in zip(
            jax.tree.leaves(value), jax.tree.leaves(source.params[name]), strict=True
        ):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(
        jax.tree.leaves(found.stats), jax.tree.leaves(source.stats), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    kept = source.params["fc"] if classes == 10 else drawn.params["fc"]
    np.testing.assert_array_equal(head["kernel"], kept["kernel"])
    assert ("a new head" in said) == (classes == 7)


def test_a_first_convolution_is_adapted_to_the_channels(finished_run):
    task, spec = task_of(finished_run)
    spec = dataclasses.replace(spec, mean=spec.mean * 3, std=spec.std * 3)
    state = jax.eval_shape(
        lambda: task.init(
            jax.random.key(0), {"image": np.zeros((1, 8, 8, 3), np.uint8)}
        )
    )
    start, said = warm_start(str(finished_run), state, spec)
    assert "its first convolution adapted to 3 channels" in said
    other = load(finished_run)
    source = other.task.prepare_eval(other.state).nets["model"].params["conv1"]
    adapted = start["model"]["params"]["conv1"]["kernel"]
    np.testing.assert_allclose(adapted.sum(2), source["kernel"].sum(2), rtol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{"model__width": 8}, {"model__stage_sizes": "(1,1)"}, {"model__name": "resnet18"}],
)
def test_another_network_is_refused(finished_run, changes):
    task, spec = task_of(finished_run, **changes)
    state = jax.eval_shape(lambda: task.init(jax.random.key(0), spec.batch(1)))
    with pytest.raises(ValueError, match="holds another network than"):
        warm_start(str(finished_run), state, spec)


def test_a_generator_begins_from_a_network_that_had_no_discriminator(monkeypatch):
    """As SRGAN's and ESRGAN's do; a network of other sizes is refused by its name."""
    spec = DataSpec({}, {}, (), (0.0,), (1.0,), {}, {}, "made up")
    trained = {"params": {"conv": {"kernel": np.ones((3, 2))}}, "stats": {}}
    found = {"model": trained}
    monkeypatch.setattr("resnet_jax.weights._trained", lambda *given: (found, False))
    drawn = NetState({"conv": {"kernel": np.zeros((3, 2))}}, {}, None)
    nets = {"generator": drawn, "discriminator": drawn}
    start, said = warm_start("a", TrainState(np.int32(0), nets), spec)
    assert start.keys() == {"generator"} and said == "'a', the generator alone"
    kernel = start["generator"]["params"]["conv"]["kernel"]
    np.testing.assert_array_equal(kernel, np.ones((3, 2)))
    other = NetState({"conv": {"kernel": np.zeros((4, 2))}}, {}, None)
    with pytest.raises(ValueError, match=r"another network than config\.generator"):
        warm_start("a", TrainState(np.int32(0), {**nets, "generator": other}), spec)
    with pytest.raises(ValueError, match="has no network 'ab'"):
        warm_start("a", TrainState(np.int32(0), {"ab": drawn}), spec)


def test_a_run_that_ended_before_its_first_save_begins_from_the_same(
    finished_run, tmp_path, capsys, monkeypatch
):
    traced = []
    monkeypatch.setattr(
        "resnet_jax.verbs.train.compile_train_step",
        lambda *given: traced.append(given) or compile_train_step(*given),
    )
    config, folder = small(init_from=finished_run), tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(configs.to_json(config)))
    train(config, name="-", workdir=str(folder), dry_run=True)
    assert f"begins from  '{finished_run}'" in capsys.readouterr().out
    assert traced, "the first step was not rehearsed"


def leaves(folder):
    return jax.tree.leaves(jax.device_get(load(folder).state))


def test_a_student_resumes_with_its_teacher_or_not_at_all(
    finished_run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished_run, "teacher")
    config = small(
        teacher__source="teacher", teacher__weight=0.5, teacher__temperature=2.0
    )
    assert train(config, name="-", workdir="whole", quiet=True)["test/loss"] > 0
    whole = leaves("whole")
    shutil.copytree("whole", "parts")
    shutil.rmtree(tmp_path / "parts" / "checkpoints" / "4")
    train(config, name="-", workdir="parts", quiet=True)
    for a, b in zip(whole, leaves("parts"), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)

    plain = small()
    train(plain, name="-", workdir="alone", quiet=True)
    others = zip(whole, leaves("alone"), strict=True)
    assert any((a != b).any() for a, b in others), "the teacher taught nothing"

    saved = Checkpoints(tmp_path / "whole", read_only=True).describe(4)
    assert saved["frozen"]["teacher"]["source"] == "teacher"
    assert not any("frozen" in name for name in saved["leaves"])
    shutil.rmtree(tmp_path / "teacher" / "checkpoints" / "4")
    with pytest.raises(ValueError, match="weights of teacher 'teacher' are not those"):
        train(config, name="-", workdir="parts", quiet=True)
    shutil.rmtree(tmp_path / "teacher")
    assert load("whole").step == 4


def test_a_published_file_teaches_and_begins(real_data):
    file = str(real_data / "cifar_resnets" / "resnet20-12fca82f.th")
    spec = DataSpec({}, {}, (), (0.5,) * 3, (0.2,) * 3, {}, {}, "made up")
    network = read_helpers({"teacher": {"source": file}}, spec)["teacher"]
    assert network.network.mean == (0.485, 0.456, 0.406)
    assert network.network.model.num_classes == 10
    again = read_helpers({"teacher": {"source": file}}, spec)["teacher"]
    assert network.described() == again.described()
    assert len(network.described()["digest"]) == 16
