import json

import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from resnet_jax import files
from resnet_jax.files import (
    Lines,
    absolute,
    cache_folder,
    is_local,
    is_run,
    read_json,
    strict,
    write_json,
)


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

    monkeypatch.setattr(files.os, "fsync", full_disk)
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
    monkeypatch.setattr(files, "is_local", lambda path: False)
    path = tmp_path / "log.txt"
    path.write_text("zero\n")
    lines = Lines(path)
    lines.append("one")
    assert path.read_text() == "zero\n"
    lines.flush()
    lines.append("two")
    lines.flush()
    assert path.read_text() == "zero\none\ntwo\n"


def test_a_folder_is_a_run_where_it_has_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/else/where")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    assert is_run("~/run") and is_run(tmp_path / "run")
    assert not is_run("~") and not is_run("no/such")
    assert str(absolute("~/run")) == str(tmp_path / "run")
    assert str(absolute("gs://bucket/run")) == "gs://bucket/run"
    assert str(cache_folder("xla")) == "/else/where/resnet_jax/xla"
