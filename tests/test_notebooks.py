"""They are run by `pytest --nbmake notebooks`; here is what that does not see."""

import pathlib
import re

import jupytext
import pytest

NOTEBOOKS = sorted((pathlib.Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def cells(notebook) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_script_and_notebook_are_the_same(path):
    script = jupytext.read(path.with_suffix(".py"))
    assert cells(script) == cells(jupytext.read(path)), f"jupytext --sync {path}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_small_and_without_errors(path):
    assert path.stat().st_size < 500_000
    notebook = jupytext.read(path)
    outputs = [o for c in notebook.cells for o in c.get("outputs", ())]
    assert any("image/png" in o.get("data", {}) for o in outputs), "not executed"
    for output in outputs:
        assert output.output_type != "error"
        text = str(output.get("text", "")) + str(
            output.get("data", {}).get("text/plain")
        )
        assert not re.search(r"/(home|Users|root|tmp|work|mnt)/", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_define_nothing_reusable(path):
    source = path.with_suffix(".py").read_text()
    assert not re.search(r"^\s*(def|class) ", source, re.MULTILINE)
