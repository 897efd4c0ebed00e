"""The Python in docs/ runs, each file from its first block to its last."""

import pathlib
import re

import pytest

FILES = sorted((pathlib.Path(__file__).parent.parent / "docs").glob("*.md"))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_python_runs(file):
    blocks = re.findall(r"^```python\n(.*?)^```$", file.read_text(), re.S | re.M)
    assert blocks
    names: dict = {}
    for block in blocks:
        exec(compile(block, file.name, "exec"), names)
