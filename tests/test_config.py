"""Configs are found, changed field by field, stored and compared."""

import json
import re

import pytest
from ml_collections import ConfigDict

from resnet_jax import config as configs


def example() -> ConfigDict:
    config = configs.new_config()
    config.model = dict(name="resnet20", zero_init=False)
    config.optim = dict(schedule=dict(base=0.1, boundaries=(1, 2)), clip_norm=None)
    config.data = dict(source=dict(name="tfds", dataset="cifar10"), mean=(0.5,))
    return config


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": [1, "x", None], "c": {"d": (1, (2.5, "y"), [])}, "e": True},
        {},
        {"pairs": [(1, 2), (3, 4)]},
    ],
)
def test_json_gives_the_same_back(value):
    stored = json.loads(json.dumps(configs.to_json(value)))
    assert configs.from_json(stored) == value


def test_a_config_of_the_shipped_ones_survives_json():
    config = configs.read("cifar10_resnet20")
    stored = json.loads(json.dumps(configs.to_json(config)))
    assert ConfigDict(configs.from_json(stored)) == config


def test_what_is_neither_number_nor_text_is_refused():
    with pytest.raises(ValueError, match="a config holds <built-in function len>"):
        configs.to_json({"act": len})


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("seed", "7", 7),
        ("optim.schedule.base", "1", 1.0),
        ("optim.schedule.base", "5e-2", 0.05),
        ("optim.schedule.boundaries", "(3, 4)", (3, 4)),
        ("optim.schedule.boundaries", "[3]", (3,)),
        ("optim.clip_norm", "1", 1),
        ("optim.momentum", "0.5", 0.5),
        ("model.zero_init", "true", True),
        ("model.zero_init", "False", False),
        ("model.name", "3", "3"),
        ("model.name", "none", "none"),
        ("model.norm", "group", "group"),
        ("model.norm.name", "batch", "batch"),
        ("data.mean", "none", None),
        ("init_from", "runs/a", "runs/a"),
    ],
)
def test_a_field_keeps_its_type(field, text, value):
    config = example()
    configs.override(config, field, text)
    found = dict(configs.leaves(config))[field]
    assert found == value and type(found) is type(value)


def test_a_section_is_emptied_by_none_and_filled_again():
    config = example()
    for field, text in (("source", "none"), ("source.name", "npz")):
        configs.override(config, f"data.{field}", text)
    assert config.data.source.to_dict() == {"name": "npz"}


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("seed", "1.5", "config.seed is '1.5'; expected a whole number, such as 0."),
        ("optim.schedule.base", "x", "expected a number, such as 0.1."),
        ("optim.schedule.boundaries", "3", "expected a tuple, such as (1, 2)."),
        ("model.zero_init", "1", "expected true or false, such as False."),
        ("model", "resnet18", "is a section; set config.model.name, config.model.zero"),
        ("seed.x", "1", "config.seed.x: 'seed' is a value, not a section."),
        ("sede", "1", "the config has no 'sede'. Did you mean config.seed?"),
        ("base", "1", "Did you mean config.optim.schedule.base?"),
        ("optimizer.name", "sgd", "Did you mean config.optim?"),
    ],
)
def test_what_does_not_fit_is_refused(field, text, sentence):
    config = example()
    with pytest.raises(ValueError, match=re.escape(sentence)):
        configs.override(config, field, text)
    assert config == example()


@pytest.mark.parametrize("name", configs.names())
def test_every_shipped_config_is_found_and_has_a_trial(name):
    for spelled in (name, f"{name}.py", f"configs/{name}.py"):
        assert configs.find(spelled).endswith(f"configs/{name}.py")
    assert configs.find(f"{name}:smoke").endswith(f"{name}.py:smoke")
    trial = configs.read(f"{name}:smoke")
    assert trial.total_steps == 4 and trial.best[0].startswith(("test/", "b/"))


def test_a_file_comes_before_a_shipped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert configs.find("digits_resnet.py") != "digits_resnet.py"
    (tmp_path / "digits_resnet.py").write_text(
        "from resnet_jax.config import new_config\n"
        "def get_config(variant='x'):\n"
        "    config = new_config()\n"
        "    config.init_from = variant\n"
        "    return config\n"
    )
    assert configs.find("digits_resnet.py:long") == "digits_resnet.py:long"
    assert configs.read("digits_resnet.py").init_from == "x"
    assert configs.read("digits_resnet.py:long").init_from == "long"
    with pytest.raises(ValueError, match="has no variant 'x'"):
        configs.read("digits_resnet.py:x")


def test_differences_leave_out_what_does_not_change_the_numbers():
    saved, now = example(), example()
    assert configs.differences(saved, now) == {}
    now.run.log_every = 3
    assert configs.differences(saved, now) == {}
    now.seed = 1
    now.model.width = 8
    del now.data["mean"]
    assert configs.differences(saved, now) == {
        "data.mean": ((0.5,), None),
        "model.width": (None, 8),
        "seed": (0, 1),
    }


def test_a_trial_is_judged_on_its_own_data():
    config = example()
    config.data.update(train=dict(split="train"), evals=dict(val=dict(split="v")))
    config.best = ("val/loss", "min")
    trial = configs.smoke(config)
    assert trial.best == ("test/loss", "min") and trial.data.source.name == "textures"
    assert list(trial.data.evals) == ["test"]
