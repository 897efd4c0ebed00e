"""Weights from elsewhere: to begin from, and to learn from."""

import dataclasses
import json
import shutil

import foreign
import jax
import numpy as np
import pytest
import untrained
from drawn import drawn as drawn_variables
from pretrained_weights import drawn

from resnet_jax import config as configs
from resnet_jax import create_model
from resnet_jax.checkpoint import Checkpoints
from resnet_jax.helpers import read_helpers
from resnet_jax.pretrained import to_torch
from resnet_jax.run import build_task, load
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.base import compile_train_step
from resnet_jax.verbs.train import train
from resnet_jax.weights import warm_start

KEYS = jax.random.key(0)
KEY = "body.0.conv1.weight"


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


@pytest.mark.parametrize(
    ("theirs", "ours", "new"),
    [
        ("edsr_baseline_x2", "edsr_baseline_x4", ["upsample_2"]),
        ("edsr_baseline_x2", "edsr_baseline_x3", ["upsample_0"]),
        ("edsr_x4", "edsr_baseline_x2", []),
        ("msrresnet_x4", "msrresnet_x3", ["upconv1"]),
        ("rrdb_x4", "rrdb_x2", ["conv_first"]),
        ("rrdb_x4", "rrdb_x4", []),
    ],
)
def test_what_another_scale_needs_stays_new_and_is_named(theirs, ours, new, tmp_path):
    small = {"width": 8, "blocks": 1}
    small |= {"growth": 8} if "rrdb" in ours else {}
    weights = drawn(theirs, **small)
    file = str(foreign.save(tmp_path / "net_g_latest.pth", weights, "params"))
    task, _, spec = untrained.task_of(
        "df2k_rrdb_x4",
        side=48,
        model={"name": ours, **small},
        degradation__factor=ours[-1],
    )
    state = untrained.shapes_of(task, spec)
    start, said = warm_start(file, state, spec)
    assert said == ", ".join([f"'{file}'", *[f"new: {', '.join(new)}"] * bool(new)])
    found = start["model"]["params"]
    assert {*state.nets["model"].params} - {*found} == {*new}
    kernel = weights["body.0.rdb1.conv1.weight" if "rrdb" in ours else KEY]
    got = found["body_0"]
    got = got["rdb1"]["conv1"] if "rrdb" in ours else got["conv1"]
    np.testing.assert_array_equal(got["kernel"], kernel.transpose(2, 3, 1, 0))
    begun = jax.eval_shape(lambda k: task.init(k, spec.batch(1), start), KEYS)
    assert jax.tree.structure(begun) == jax.tree.structure(state)


def test_a_file_begins_the_generator_of_a_game(tmp_path):
    weights = drawn("rrdb_x4", width=8, blocks=1, growth=8)
    file = str(foreign.save(tmp_path / "RRDB_PSNR_x4.pth", weights))
    generator = {"name": "rrdb_x4", "width": 8, "blocks": 1, "growth": 8}
    task, _, spec = untrained.task_of(
        "photos_colorize",
        side=64,
        generator=generator,
        degradation={"name": "downscale", "factor": 4},
        task__conditional=False,
        data__mean=0.0,
        data__std=1.0,
    )
    state = untrained.shapes_of(task, spec)
    start, said = warm_start(file, state, spec)
    assert said == f"'{file}', new: discriminator" and [*start] == ["generator"]
    assert {*start["generator"]["params"]} == {*state.nets["generator"].params}


def test_a_file_begins_one_of_two_translators(tmp_path):
    weights = foreign.filled(foreign.resnet_keys(6, batch=False))
    file = str(foreign.save(tmp_path / "latest_net_G_A.pth", weights))
    network = {"generator__width": 2, "generator__blocks": 6}
    task, _, spec = untrained.task_of(
        "cifar_horse2deer_cyclegan", keys=("a", "b"), **network
    )
    state = untrained.shapes_of(task, spec)
    start, said = warm_start(file, state, spec)
    assert said == f"'{file}', new: discriminator, ba"
    params = start["generator"]["params"]
    assert [*params] == ["ab"]
    assert {*params["ab"]} == {*state.nets["generator"].params["ab"]}


def test_other_channels_and_classifiers_begin_no_restorer(tmp_path, finished_run):
    task, _, spec = untrained.task_of("df2k_rrdb_x4", side=48)
    state = untrained.shapes_of(task, spec)
    shapes = {"channels": 1, "width": 8, "blocks": 1, "growth": 8}
    model = create_model("rrdb_x4", **shapes)
    weights = to_torch(drawn_variables(model.init, *model.inputs))
    file = str(foreign.save(tmp_path / "grey.pth", weights))
    for source in (file, str(finished_run)):
        with pytest.raises(ValueError, match=r"another network than config\.model"):
            warm_start(source, state, spec)
