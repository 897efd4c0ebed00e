import json

import numpy as np
import pytest

from resnet_jax.figures import Gallery, Table
from resnet_jax.report import Report, grid

CONFIG = {"total_steps": 4, "data": {"mean": (0.5,)}}


def start(folder, **options):
    return Report(folder, config=CONFIG, title="digits", total_steps=4, **options)


def run(report, first, last):
    report.rewind(first)
    report.banner({"seed": "0"})
    with report.phase("compiling"):
        pass
    images = np.zeros((2, 8, 8, 1), np.uint8)
    report.inputs(grid(images))
    for step in range(first + 1, last + 1):
        report.log(step, {"train/loss": np.float32(1.0), "time/images_per_second": 9})
    report.log(last, {"test/accuracy": 0.5}, progress=False)
    figures = {"per_class": Table(("a",), (("x",),))}
    figures["mistakes"] = Gallery("test", np.arange(2), ("a", "b"))
    report.figures(last, figures, {"mistakes": images})
    report.samples(last, grid(images))
    report.flush()


def test_a_run_fills_its_folder(tmp_path, capsys):
    report = start(tmp_path / "run", tensorboard=False)
    run(report, 0, 4)
    report.warn("look")
    report.say("one thing")
    report.close("done")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["done", f"report: {tmp_path / 'run' / 'report.html'}"]
    assert "step 4/4  100 %  9 images/s  loss 1" in lines
    assert "step 4  test/accuracy 0.5" in lines
    found = {str(p.relative_to(tmp_path / "run")) for p in tmp_path.rglob("*.*")}
    assert found == {
        "config.json", "environment.json", "log.txt", "metrics.jsonl", "inputs.png",
        "timings.json", "report.html", "samples/00000004.png", "figures/mistakes.json",
        "figures/mistakes.png", "figures/per_class.json",
    }  # fmt: skip
    assert (tmp_path / "run" / "log.txt").read_text().splitlines() == lines


def test_a_resumed_run_goes_on_in_its_files(tmp_path):
    run(start(tmp_path), 0, 3)
    run(report := start(tmp_path), 2, 4)
    report.close()
    rows = [
        json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()
    ]
    assert [r["step"] for r in rows if "train/loss" in r] == [1, 2, 3, 4]
    starts = json.loads((tmp_path / "environment.json").read_text())
    assert [s["resumed_from"] for s in starts] == [None, 2]
    timings = json.loads((tmp_path / "timings.json").read_text())
    assert timings["compiling"]["count"] == 2


def test_a_rollback_is_no_new_start(tmp_path):
    report = start(tmp_path)
    run(report, 0, 3)
    report.rewind(1)
    report.close()
    (only,) = json.loads((tmp_path / "environment.json").read_text())
    assert only["resumed_from"] is None
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1


def test_other_processes_are_silent(tmp_path, capsys):
    report = start(tmp_path / "run", enabled=False)
    run(report, 0, 4)
    report.warn("look")
    report.say("one thing")
    report.close("done")
    assert not (tmp_path / "run").exists() and capsys.readouterr().out == ""


def test_the_report_path_is_absolute(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    start("run", quiet=True).close()
    assert capsys.readouterr().out == f"report: {tmp_path}/run/report.html\n"


@pytest.mark.parametrize("config", [{}, None])
def test_a_run_without_configuration(tmp_path, config):
    Report(tmp_path, config=config, title="a", total_steps=1, quiet=True).close()
    assert not (tmp_path / "config.json").exists()


def test_a_trace_ends_only_where_it_began(tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr("jax.profiler.start_trace", calls.append)
    monkeypatch.setattr("jax.profiler.stop_trace", lambda: calls.append("stop"))
    report = start(tmp_path)
    for step in (3, 4, 5):  # of a run that was taken up again at step 3
        report.trace((2, 4), step)
        report.trace((0, 0), step)
    assert calls == []
    begun = []
    for step in range(6):  # completed steps, before the next
        report.trace((2, 4), step)
        begun.append(len(calls))
    assert calls == [str(tmp_path / "profile"), "stop"]
    assert begun == [0, 1, 1, 1, 2, 2]
    assert f"trace: {tmp_path}/profile" in capsys.readouterr().out
    report.trace((1, 9), 0)
    report.close()
    assert calls[2:] == [str(tmp_path / "profile"), "stop"]
