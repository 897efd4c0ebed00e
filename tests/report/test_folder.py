import json

import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from resnet_jax.report import folder
from resnet_jax.report.folder import Lines, is_local, read_json, strict, write_json


def test_object_stores_are_told_by_their_scheme():
    assert is_local("runs/a") and is_local(epath.Path("/runs/a"))
    assert not is_local(epath.Path("gs://bucket/a"))


def test_strict_json():
    value = {1: float("nan"), "b": (np.float32("inf"), np.arange(2)), "c": jnp.ones(())}
    assert strict(value) == {"1": None, "b": ["inf", [0, 1]], "c": 1.0}
    json.dumps(strict(value), allow_nan=False)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, [1])

    def full_disk(descriptor):
        raise OSError("no space")

    monkeypatch.setattr(folder.os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_json(path, [2])
    assert read_json(path, []) == [1]


def test_damaged_json_reads_as_the_default(tmp_path):
    (tmp_path / "a.json").write_text('{"half":')
    assert read_json(tmp_path / "a.json", {}) == {}
    assert read_json(tmp_path / "none.json", []) == []
    write_json(tmp_path / "b.json", [1])
    assert read_json(tmp_path / "b.json", {}) == {}


def test_lines_appear_at_once_on_a_disk(tmp_path):
    lines = Lines(tmp_path / "log.txt")
    lines.append("one")
    assert (tmp_path / "log.txt").read_text() == "one\n"


def test_lines_wait_for_flush_in_an_object_store(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "is_local", lambda path: False)
    path = tmp_path / "log.txt"
    path.write_text("zero\n")
    lines = Lines(path)
    lines.append("one")
    assert path.read_text() == "zero\n"
    lines.flush()
    lines.append("two")
    lines.flush()
    assert path.read_text() == "zero\none\ntwo\n"
