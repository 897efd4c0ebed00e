import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from resnet_jax import config as configs
from resnet_jax.report.results import read_result, results_table, with_table
from resnet_jax.run import build_data, build_task
from resnet_jax.verbs.train import train

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
RESULTS = sorted(file.stem for file in (ROOT / "configs" / "results").glob("*.json"))
KEYS = (
    *("config", "command", "metric", "published", "runs", "mean", "sd", "n"),
    *("hardware", "minutes", "commit", "protocol", "date"),
)


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    return re.split(r"^## ", README, flags=re.MULTILINE)[
        1 + re.findall(r"^## (.*)$", README, re.MULTILINE).index(title)
    ]


def test_two_commands_set_it_up():
    commands = [block.strip() for block in blocks(r"\w*", section("Set up"))]
    assert len(commands) == 2
    assert commands[0] == "pip install -e . && resnet-jax train --config=digits_resnet"
    assert (ROOT / ".ci" / "run").read_text().strip().splitlines()[-1] == commands[1]


def test_results_are_those_of_the_files():
    table = results_table(ROOT / "configs" / "results")
    assert with_table(README, table) == README, (
        "run python -m resnet_jax.report.results"
    )


def test_every_config_has_a_result_and_a_row():
    assert {stem.partition("-")[0] for stem in RESULTS} == set(configs.names())
    for stem in RESULTS:
        link = f"[{stem.replace('-', ':')}](configs/{stem.partition('-')[0]}.py)"
        assert link in section("Results")


@pytest.mark.parametrize("name", RESULTS)
def test_result_files_hold_what_a_number_needs(name):
    result = read_result(ROOT / "configs" / "results" / f"{name}.json")
    assert tuple(result) == KEYS
    assert result["config"] == name.replace("-", ":")
    assert f"--config={result['config']} " in result["command"]
    assert set(result["published"]) == {"value", "source"}
    for run in result["runs"]:
        assert set(run) == {"seed", "value"} and run["value"] >= 0
        assert run["value"] <= 1 or "accuracy" not in result["metric"]
    if result["runs"]:
        for key in ("hardware", "minutes", "commit", "date"):
            assert result[key], f"{name}: {key} is missing"
    assert not re.search(r"(?<![\w.])/\w", str(result)), "a path of some machine"


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert "docs/report.png" in targets
    for target in targets:
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_picture_is_small():
    assert (ROOT / "docs" / "report.png").stat().st_size < 300_000


@pytest.mark.slow
def test_the_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(configs.read("digits_resnet:smoke"), name="-", workdir="runs/digits_resnet")
    for split, kind in np.ndindex(2, 2):
        folder = tmp_path / "photos" / ("train", "test")[split] / ("cat", "dog")[kind]
        folder.mkdir(parents=True)
        for i in range(16):
            pixels = np.full((150, 200, 3), 10 * i, np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    names: dict = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    config = names["get_config"]()
    data = build_data(config)
    assert data.spec.class_names == ("cat", "dog")
    assert next(data.train(0))["image"].shape == (32, 128, 128, 3)
    assert build_task(config, data.spec).num_classes == 2
