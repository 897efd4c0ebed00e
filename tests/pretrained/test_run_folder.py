"""A run as pretrained weights, its images prepared as its evaluation did."""

import dataclasses

import jax
import numpy as np
import pytest

from resnet_jax.data.transforms import apply_transforms, build_transforms
from resnet_jax.files import is_run
from resnet_jax.pretrained import from_pretrained
from resnet_jax.pretrained.run_folder import prepared_for, read_run
from resnet_jax.run import load
from resnet_jax.spec import DataSpec

SPEC = DataSpec(
    shapes={"image": (32, 32, 3)},
    dtypes={"image": "uint8"},
    class_names=("a", "b"),
    mean=(0.4, 0.5, 0.6),
    std=(0.2, 0.3, 0.4),
    sizes={"train": 1},
    transforms={},
    source="somewhere",
)


def test_the_network_of_a_run(finished_run):
    model, variables, preprocessing = from_pretrained(finished_run)
    run = load(finished_run)
    state = run.task.prepare_eval(run.state)
    kept = state.nets["model"]
    assert model.num_classes == 10
    expected = {"params": kept.params, **kept.stats}
    assert jax.tree.all(jax.tree.map(np.array_equal, variables, expected))
    assert preprocessing.input_size == run.spec.shapes["image"]
    assert (preprocessing.mean, preprocessing.std) == (run.spec.mean, run.spec.std)
    assert "never resized" in str(preprocessing)


def test_a_run_comes_before_a_published_name(finished_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18").symlink_to(finished_run)
    model, _, _ = from_pretrained("resnet18", local_files_only=True)
    assert model.num_classes == 10
    monkeypatch.setenv("HOME", str(finished_run.parent))
    assert is_run(f"~/{finished_run.name}") and not is_run("~")


def test_what_the_run_says_of_itself(finished_run):
    description, _ = read_run(finished_run, "2")
    record = description.facts["resnet_jax"]
    assert description.class_names == tuple(map(str, range(10)))
    assert (record["step"], record["data"]) == (2, "digits (train)")
    assert record["config"]["total_steps"] == 4
    assert set(record["metrics"]) >= {"test/accuracy", "test/loss"}


def test_another_head_for_a_run(finished_run):
    model, variables, preprocessing = from_pretrained(
        finished_run, num_classes=3, in_channels=3
    )
    image = preprocessing(np.zeros((8, 8, 3), np.uint8))
    assert jax.eval_shape(model.apply, variables, image[None]).shape == (1, 3)


@pytest.mark.parametrize(
    "transforms",
    [
        {"resize": {"size": 40}, "center_crop": {"size": 32}},
        {"resize": {"size": 37, "filter": "bicubic"}, "center_crop": {"size": 32}},
        {"resize": {"size": (32, 32), "filter": "lanczos"}},
        {"resize": {"size": (40, 36)}, "center_crop": {"size": 30}},
        {"center_crop": {"size": 30}},
    ],
)
def test_the_same_pixels_as_in_the_runs_evaluation(transforms):
    spec = dataclasses.replace(SPEC, transforms=transforms)
    preprocessing = prepared_for(spec)
    image = np.random.default_rng(0).integers(0, 256, (51, 67, 3), np.uint8)
    stored = apply_transforms(build_transforms(transforms), [image])[0]
    assert np.array_equal(preprocessing.image(image), stored)
    assert preprocessing(image).shape == preprocessing.input_size


def test_what_cannot_be_said():
    spec = dataclasses.replace(SPEC, transforms={"posterize": {}})
    with pytest.raises(ValueError, match="has the transforms posterize, which no"):
        prepared_for(spec)
