import builtins
import json
import math

import pytest

from resnet_jax.report.history import History, open_tensorboard


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def filled(path, steps):
    history = History(path)
    for step in steps:
        history.append(step, {"train/loss": 1 / step})
    return history


def test_rows_are_strict_json(path):
    history = History(path)
    history.append(3, {"train/loss": math.nan, "test/psnr": math.inf, "a": 1})
    (line,) = path.read_text().splitlines()

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    row = json.loads(line, parse_constant=refuse)
    assert row == {"step": 3, "train/loss": None, "test/psnr": "inf", "a": 1.0}
    (row,) = history.rows()
    assert math.isnan(row["train/loss"]) and row["test/psnr"] == math.inf


def test_resuming_drops_the_rows_beyond_the_restored_step(path):
    history = filled(path, [1, 2, 3, 4])
    history.truncate_after(2)
    history.append(3, {"train/loss": 9.0})
    assert [(row["step"], row["train/loss"]) for row in history.rows()] == [
        (1, 1.0),
        (2, 0.5),
        (3, 9.0),
    ]


def test_resuming_drops_a_half_written_line(path):
    filled(path, [1, 2])
    with path.open("a") as file:
        file.write('{"step": 3, "train/lo')
    history = History(path)
    assert [row["step"] for row in history.rows()] == [1, 2]
    history.truncate_after(10)
    history.append(3, {"train/loss": 1.0})
    lines = path.read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]


def test_a_damaged_line_is_passed_over(path):
    filled(path, [1])
    with path.open("ab") as file:
        file.write(b'\xff\x00garbage\n[1]\n{"no": 1}\n')
    assert [row["step"] for row in History(path).rows()] == [1]


def test_a_whole_file_is_left_alone(path):
    history = filled(path, [1, 2])
    before = path.stat().st_ino
    history.truncate_after(2)
    assert path.stat().st_ino == before


def test_no_file_has_no_rows(path):
    History(path).truncate_after(-1)
    assert History(path).rows() == [] and not path.exists()


def test_tensorboard_gets_the_same_numbers(path, tmp_path):
    pytest.importorskip("tensorboardX")
    history = History(path, tmp_path / "tb")
    history.truncate_after(5)
    history.append(6, {"train/loss": 0.25})
    history.close()
    (events,) = (tmp_path / "tb").iterdir()
    assert b"train/loss" in events.read_bytes()


def test_tensorboard_survives_a_rollback(path, tmp_path):
    pytest.importorskip("tensorboardX")
    history = History(path, tmp_path / "tb")
    for restored in (0, 0):
        history.truncate_after(restored)
        history.append(1, {"train/loss": 0.25})
    history.close()
    assert len(history.rows()) == 1


def test_tensorboard_may_be_missing(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "tensorboardX":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert open_tensorboard(tmp_path, 0) is None
    assert open_tensorboard("gs://bucket/tb", 0) is None
