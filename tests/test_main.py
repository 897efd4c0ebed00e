"""The command line: help pages, flags, results, exit codes."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import SMALL
from PIL import Image

import resnet_jax
from resnet_jax.checkpoint import SaveError
from resnet_jax.main import main, parse
from resnet_jax.preemption import Preempted
from resnet_jax.verbs.usage import COMMON, VERBS, verb_usage
from resnet_jax.window import NonFiniteError


@pytest.fixture
def place(tmp_path, finished_run, monkeypatch) -> pathlib.Path:
    """The working folder, with a copy of the finished run at its default place."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished_run, tmp_path / "runs" / "digits_resnet-smoke")
    return tmp_path


def said(capsys, *argv: str) -> str:
    """What a command that goes well prints."""
    assert main(argv) == 0
    output = capsys.readouterr()
    assert output.err == ""
    return output.out


def files(folder: pathlib.Path) -> dict[pathlib.Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["help"]])
def test_the_help_page_names_every_verb(argv, capsys):
    page = said(capsys, *argv)
    assert all(
        f"  {name} " in page and verb.summary in page for name, verb in VERBS.items()
    )
    assert max(map(len, page.splitlines())) <= 88


@pytest.mark.parametrize("name", VERBS)
def test_the_help_page_of_a_verb_names_every_flag(name, capsys):
    page = said(capsys, name, "more", "--help")
    for flag in (*VERBS[name].flags, *COMMON):
        assert f"  {flag.usage} " in page and flag.help in page
    assert ("--config=NAME" in page) == ("digits_resnet" in page) == VERBS[name].config
    assert max(map(len, page.splitlines())) <= 88


def test_version(capsys):
    assert said(capsys, "--version") == f"resnet_jax {resnet_jax.__version__}\n"


def test_a_flag_may_be_typed_without_its_value():
    line = ["classify", "run", "--explain", "a.png"]
    _, arguments = parse(line)
    assert arguments["explain"] == "grad_cam" and arguments["images"] == ("a.png",)
    assert parse(["classify", "run", "a.png"])[1]["explain"] == ""
    assert "--explain[=TEXT] " in verb_usage("classify")


def test_dashes_and_underscores_are_the_same():
    one = parse(
        ["train", "--config=x", "--dry-run", "--allow-changes", "--workdir=a-b"]
    )
    two = parse(
        ["train", "--config", "x", "--dry_run", "--allow_changes", "--workdir=a-b"]
    )
    assert one == two
    assert one[1]["dry_run"] and one[1]["workdir"] == "a-b"
    assert not parse(["train", "--nocompilation-cache"])[1]["compilation_cache"]


def test_fields_of_the_config_are_taken_in_their_order():
    fields = ("--config.a.b=x=1", "--config.c", "--noconfig.d", "--config.a_b= ")
    _, arguments = parse(["train", *fields])
    overrides = {"a.b": "x=1", "c": "true", "d": "false", "a_b": " "}
    assert list(arguments["overrides"].items()) == list(overrides.items())


def test_positional_arguments():
    assert parse(["models"])[1]["pattern"] == ""
    assert parse(["models", "resnet*"])[1]["pattern"] == "resnet*"
    _, arguments = parse(["classify", "run", "a.png", "--top=2", "b.png"])
    assert (arguments["source"], arguments["images"]) == ("run", ("a.png", "b.png"))
    assert arguments["top"] == 2


def test_a_dry_run_says_all_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = said(capsys, "train", *SMALL, "--dry-run").splitlines()
    facts = dict(line.split("  ", 1) for line in lines[:-1])
    assert facts["workdir"].strip() == str(tmp_path / "runs" / "digits_resnet-smoke")
    assert "1,437 train, 360 test, image 8 x 8 x 1, 10 classes" in facts["data"]
    assert "2 x cpu" in facts["devices"] and "4 steps, seed 0" in facts["training"]
    assert lines[-1] == "dry run: nothing was written."
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "workdir"),
    [
        ("--config.run.log_every=3", "digits_resnet-smoke"),
        ("--config.seed=1", "digits_resnet-smoke-2"),
        ("--config.model.width=8", "digits_resnet-smoke-2"),
    ],
)
def test_the_default_workdir_is_the_same_for_the_same_config(
    change, workdir, place, capsys
):
    before = files(place)
    page = said(capsys, "train", *SMALL, change, "--dry-run")
    assert f"{place}/runs/{workdir}\n" in page
    assert files(place) == before


def test_a_finished_run_has_nothing_to_do(place, capsys):
    page = said(capsys, "train", *SMALL)
    assert "resumed at step 4 of 4 (finished: nothing to do)" in page
    report = place / "runs" / "digits_resnet-smoke" / "report.html"
    assert page.splitlines()[-1] == f"report: {report}"


def test_models_as_table_and_as_json(capsys):
    rows = json.loads(said(capsys, "models", "resnet[25]0", "--json"))
    assert [row["model"] for row in rows] == ["resnet20", "resnet50"]
    assert rows[1]["parameters"] == 25_557_032 and rows[1]["input"] == "224x224"
    table = said(capsys, "models", "resnet[25]0").splitlines()
    assert table[0].split() == ["model", "parameters", "gflops", "input"]
    assert table[2].split()[:2] == ["resnet50", "25,557,032"]


def test_evaluate_repeats_what_training_found(place, capsys):
    run = "runs/digits_resnet-smoke"
    result = json.loads(said(capsys, "evaluate", run, "--json", "--batch-size=100"))
    lines = (place / run / "metrics.jsonl").read_text().splitlines()
    logged = {k: v for line in lines for k, v in json.loads(line).items()}
    assert result["step"] == 4 and result["metrics"]["test/examples"] == 360
    assert result["metrics"]["test/loss"] == pytest.approx(
        logged["test/loss"], rel=1e-4
    )
    assert json.loads((place / run / "evaluation-test-4.json").read_text()) == result
    classes = (place / run / "evaluation-test-4.csv").read_text().splitlines()
    assert len(classes) == 11 and classes[0].startswith("class,examples,accuracy,")
    assert "360 of digits (test)" in result["protocol"]
    table = said(capsys, "evaluate", run, "--split=train", "--checkpoint=2")
    assert table.splitlines()[0].split() == ["step", "2"]
    assert ["train/examples", "1,437"] in [row.split() for row in table.splitlines()]


def test_an_evaluation_that_cannot_be_written_is_still_printed(place, capsys):
    run = place / "runs" / "digits_resnet-smoke"
    (run / "evaluation-test-4.json").mkdir()
    assert main(["evaluate", str(run), "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["step"] == 4
    assert output.err.startswith("warning: evaluation-test-4.json could not be written")


def test_classify_as_table_and_as_json(place, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    (place / "images").mkdir()
    for name in ("b", "a"):
        Image.fromarray(noise).save(place / "images" / f"{name}.png")
    line = ("classify", "runs/digits_resnet-smoke", "images", "--top=2")
    rows = json.loads(said(capsys, *line, "--json"))
    assert [(row["image"], row["rank"]) for row in rows] == [
        (f"images/{name}.png", rank) for name in "ab" for rank in (1, 2)
    ]
    assert rows[0]["probability"] >= rows[1]["probability"]
    assert {row["label"] for row in rows} <= set("0123456789")
    assert len(said(capsys, *line).splitlines()) == 5


def test_classify_explains_in_pictures(place, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    for folder in ("images", "images/inner"):
        (place / folder).mkdir()
        Image.fromarray(noise).save(place / folder / "a.png")
    (place / "images" / "bad.png").write_text("no image")
    run = "runs/digits_resnet-smoke"
    assert main(["classify", run, "images", "--explain", "--json"]) == 0
    output = capsys.readouterr()
    assert output.err.startswith("warning: images/bad.png")
    pictures = [pathlib.Path(row["picture"]) for row in json.loads(output.out)]
    folder = place / run / "explanations"
    assert pictures == [folder / "a.png", folder / "inner" / "a.png"]
    with Image.open(pictures[0]) as picture:
        assert picture.mode == "RGB" and picture.width > 3 * 200

    line = ("classify", run, "images/a.png", "--explain=integrated_gradients")
    before = files(folder)
    assert "explanations/a_2.png" in said(capsys, *line)
    assert before.items() < files(folder).items()
    assert "mine/a.png" in said(capsys, *line, "--out=mine", "--top=2")
    assert [path.name for path in (place / "mine").iterdir()] == ["a.png"]


def test_models_layers_of_a_network_and_of_a_run(place, capsys):
    rows = json.loads(said(capsys, "models", "resnet20", "--layers", "--json"))
    assert rows[0]["layer"] == "bn1/bias" and rows[0]["zeros"] == 1
    of_run = said(capsys, "models", "runs/digits_resnet-smoke", "--layers")
    assert "layer3_0/conv2/kernel  3x3x64x64" in of_run


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ValueError("a  b\nc"), 2, "error: a b c\n"),
        (FileNotFoundError(2, "No such file", "x"), 2, "error: 'x': No such file.\n"),
        (NonFiniteError("loss is nan."), 3, "error: loss is nan.\n"),
        (SaveError("disk full."), 3, "error: disk full.\n"),
        (Preempted("stopped at step 3."), 75, "preempted: stopped at step 3.\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_exit_codes(error, code, text, monkeypatch, capsys):
    def fail(**arguments):
        raise error

    monkeypatch.setattr("resnet_jax.verbs.models.models", fail)
    assert main(["models"]) == code
    assert capsys.readouterr().err == text


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("resnet_jax.verbs.models.models", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["models"])


def test_the_module_is_the_console_command():
    command = pathlib.Path(sys.executable).with_name("resnet-jax")
    module = [sys.executable, "-m", "resnet_jax"]
    calls = [[*module, "models", "--help"]]
    if command.exists():
        calls.append([str(command), "models", "--help"])
    pages = [subprocess.run(call, capture_output=True, text=True) for call in calls]
    assert {page.returncode for page in pages} == {0}
    assert len({page.stdout for page in pages}) == 1
    assert "usage: resnet-jax models [PATTERN]" in pages[0].stdout
    setup = pathlib.Path(resnet_jax.__file__).parents[1] / "setup.py"
    assert "resnet-jax = resnet_jax.__main__:run" in setup.read_text()
