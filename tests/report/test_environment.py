import json
import os
import sys

import pytest

from resnet_jax.report import environment as module
from resnet_jax.report.environment import (
    command_line,
    environment,
    unused_accelerator,
    without_home,
)


def test_environment_has_versions_and_devices():
    found = environment()
    assert found["versions"]["jax"] and found["versions"]["flax"]
    assert found["platform"] == "cpu" and found["devices"] == 2
    json.dumps(found, allow_nan=False)


def test_environment_has_no_secrets(monkeypatch):
    monkeypatch.setenv("CANARY_TOKEN", "canary-in-a-variable")
    secret = "--token=canary-in-an-option"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/resnet-jax", "train", secret])
    assert "canary" not in json.dumps(environment())


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["/bin/resnet-jax", "train", "--a=b c"], "resnet-jax train '--a=b c'"),
        (["/x/__main__.py", "models"], "python -m resnet_jax models"),
        (["t", "--hub_token", "abc", "x"], "t --hub_token HIDDEN x"),
        (["t", "--API-KEY=abc"], "t --API-KEY=HIDDEN"),
        (["t", "--api_key=a b"], "t --api_key=HIDDEN"),
        (["t", "--hub_token", "a b"], "t --hub_token HIDDEN"),
    ],
)
def test_command_line(words, shown):
    assert command_line(words).startswith(shown)
    assert "a b" not in command_line(words)


def test_home_reads_as_a_tilde(monkeypatch):
    monkeypatch.setenv("HOME", os.path.join(os.sep, "home", "me"))
    assert without_home("/home/me/runs and /home/me") == "~/runs and ~"
    assert without_home("/home/melissa /home/me.old") == "/home/melissa /home/me.old"


@pytest.mark.parametrize(
    ("device", "extra"),
    [("nvidia0", "cuda"), ("accel0", "tpu"), ("vfio/3", "tpu"), ("vfio/vfio", None)],
)
def test_an_idle_accelerator_is_named(tmp_path, monkeypatch, device, extra):
    monkeypatch.setattr(module, "_chosen_platforms", lambda: None)
    (tmp_path / device).parent.mkdir(exist_ok=True)
    (tmp_path / device).touch()
    sentence = unused_accelerator(str(tmp_path))
    assert sentence is None if extra is None else f"resnet-jax[{extra}]" in sentence


def test_a_chosen_cpu_is_no_accident(tmp_path):
    (tmp_path / "nvidia0").touch()
    assert unused_accelerator(str(tmp_path)) is None


def test_an_installed_package_claims_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(module.resnet_jax, "__file__", str(tmp_path / "a" / "b.py"))
    assert environment()["commit"] is None
