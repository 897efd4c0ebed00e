import html.parser
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

from resnet_jax.figures import Gallery, Matrix, Table
from resnet_jax.files import write_json
from resnet_jax.report import page as page_module
from resnet_jax.report.exhibit import save_exhibit
from resnet_jax.report.history import History
from resnet_jax.report.page import write_page
from resnet_jax.report.pictures import grid, save_png

HOSTILE = (
    "<script>document.title='pwned'</script>",
    '"><img src=x onerror="document.title=\'pwned\'">',
    "</title></style></svg><script>document.title='pwned'</script>",
    "javascript:document.title='pwned'",
    "{{ 7 * 191 }}{% raw %}",
    "\x1b[31mexe\u202egnp.\udcff" + "n" * 10_000,
)


class Parser(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def parse(path):
    parser = Parser()
    parser.feed(path.read_text())
    return parser


def fill(folder, names, title="digits_resnet20", config=None):
    start = {"title": title, "total_steps": 40, "command": names[0], "devices": 1}
    start |= {"device": names[1], "platform": "gpu", "facts": {"parameters": names[0]}}
    write_json(folder / "environment.json", [start])
    config = config or {"best": ["test/accuracy", "max"], "data": {"mean": [0.5, 0.25]}}
    write_json(folder / "config.json", config)
    history = History(folder / "metrics.jsonl")
    for step in (10, 20, 40):
        history.append(step, {"train/loss": 1 / step, "train/accuracy": 0.1})
        history.append(step, {"test/accuracy": step / 80})
    figures, n = folder / "figures", len(names)
    images = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 1), np.uint8)
    save_exhibit(
        figures, "confusion", 40, Matrix(np.eye(n), names, "true", "predicted")
    )
    rows = tuple((name, 3, 0.5) for name in names)
    save_exhibit(figures, "per_class", 40, Table(("class", "n", "accuracy"), rows))
    gallery = Gallery("test", np.arange(n), names)
    save_exhibit(figures, "mistakes", 40, gallery, list(images))
    save_png(folder / "samples" / "00000020.png", grid(255 - images))
    save_png(folder / "samples" / "00000040.png", grid(images))
    save_png(folder / "inputs.png", grid(images))
    write_json(folder / "timings.json", {"compiling": {"count": 1, "seconds": 41.2}})


def test_a_run_is_shown_whole(tmp_path):
    fill(tmp_path, ("cat", "dog"))
    text = write_page(tmp_path).read_text()
    for shown in ("digits_resnet20", "test/accuracy", "1 × dog", "step 40", "41.2 s"):
        assert shown in text
    for section in (
        "Results",
        "Curves",
        "Over time",
        "Confusion",
        "Per class",
        "Mistakes",
    ):
        assert f"<h2>{section}" in text
    assert "<span>test/accuracy, last</span>" in text
    assert "<b>0.5</b><span>best, step 40" in text
    assert text.index("step 40</figcaption>") < text.index("step 20</figcaption>")
    assert "Unfinished" not in text and "0.5, 0.25" in text


def test_the_page_is_complete_in_itself(tmp_path):
    fill(tmp_path, ("cat", "dog"))
    parser = parse(write_page(tmp_path))
    assert not {"script", "link", "iframe", "object", "base"} & set(parser.tags)
    sources = [v for k, v in parser.attributes if k in ("src", "href", "srcset")]
    assert len(sources) == 6 and all(s.startswith("data:image/") for s in sources)
    contents = [v for k, v in parser.attributes if k == "content"]
    assert any(v.startswith("default-src 'none'; img-src data:;") for v in contents)
    assert "url(" not in (tmp_path / "report.html").read_text()


def test_hostile_names_are_inert(tmp_path):
    fill(tmp_path, HOSTILE, HOSTILE[2], {"a": dict.fromkeys(HOSTILE, HOSTILE[0])})
    page = write_page(tmp_path)
    parser = parse(page)
    assert "script" not in parser.tags
    assert not [name for name, _ in parser.attributes if name.startswith("on")]
    assert ("src", "x") not in parser.attributes
    text = page.read_text()
    assert "&lt;script&gt;" in text and "{{ 7 * 191 }}" in text and "1337" not in text
    assert not re.search("[\x1b\u202e]", text) and len(text) < 100_000


def test_no_script_runs_in_a_browser(tmp_path):
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed")
    fill(tmp_path, HOSTILE, HOSTILE[2])
    page = write_page(tmp_path)
    control = tmp_path / "control.html"
    control.write_text(f"<body>{HOSTILE[0]}</body>")

    def dump(path):
        flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        flags += "--disable-background-networking --disable-component-update "
        flags += f"--disable-sync --user-data-dir={tmp_path / 'profile'} --dump-dom"
        command = [browser, *flags.split(), path.as_uri()]
        environment = {**os.environ, "HOME": str(tmp_path)}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env=environment
        )
        return done.stdout

    assert "<title>pwned</title>" in dump(control)
    shown = dump(page)
    assert "<title>pwned</title>" not in shown and "<h2>Mistakes" in shown


def test_an_empty_folder_has_a_page(tmp_path):
    text = write_page(tmp_path).read_text()
    assert tmp_path.name in text and "No metrics have been recorded yet." in text


@pytest.mark.parametrize(
    "missing",
    [
        "config.json",
        "environment.json",
        "metrics.jsonl",
        "inputs.png",
        "timings.json",
        "figures/mistakes.png",
        "figures",
        "samples",
    ],
)
def test_what_is_missing_is_left_out(tmp_path, missing):
    fill(tmp_path, ("cat", "dog"))
    path = tmp_path / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert "</html>" in write_page(tmp_path).read_text()


@pytest.mark.parametrize("name", ["config.json", "environment.json", "timings.json"])
@pytest.mark.parametrize("text", ['{"half', "[]", "[1]", "{}", "3"])
def test_damaged_files_are_left_out(tmp_path, name, text):
    fill(tmp_path, ("cat", "dog"))
    (tmp_path / name).write_text(text)
    (tmp_path / "inputs.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    assert "</html>" in write_page(tmp_path).read_text()


def test_a_run_without_evaluations(tmp_path):
    history = History(tmp_path / "metrics.jsonl")
    history.append(1, {"train/loss": float("nan")})
    history.append(2, {"train/loss": float("inf")})
    text = write_page(tmp_path).read_text()
    assert "no finite values" in text and "<td>train/loss</td>" in text


def test_an_unfinished_run_says_so(tmp_path):
    write_json(tmp_path / "config.json", {"total_steps": 4000})
    History(tmp_path / "metrics.jsonl").append(2600, {"train/loss": 1.0})
    assert "Unfinished: step 2,600 of 4,000 (65 %)" in write_page(tmp_path).read_text()


def test_a_resumed_run_lists_its_starts(tmp_path):
    starts = [{"started": "first"}, {"started": "second", "resumed_from": 1000}]
    write_json(tmp_path / "environment.json", starts)
    text = write_page(tmp_path).read_text()
    assert "Started 2 times" in text and "resumed at step 1,000" in text


def test_pictures_have_a_size_limit(tmp_path, monkeypatch):
    fill(tmp_path, ("cat", "dog"))
    monkeypatch.setattr(page_module.Pictures.__init__, "__defaults__", (500,))
    path = write_page(tmp_path)
    sources = [v for k, v in parse(path).attributes if k == "src"]
    assert sum(map(len, sources)) <= 500
    assert "pictures are left out" in path.read_text()


def test_the_stored_configuration_may_be_nested(tmp_path):
    config = {"a": {"b": {"c": None, "d": []}}, "e": True, "f": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    text = write_page(tmp_path).read_text()
    assert "<dd>none</dd>" in text and "<dd>true</dd>" in text
