"""Names become objects; what does not fit is answered."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from resnet_jax.lookup import build, check_arguments, describe, few, fits, suggest


def box(*, width: int, height: int | None = None, color: str = "red", depth=1.5):
    return width, height, color, depth


def anything(**fields):
    return fields


TABLE = {"box": box, "wide": partial(box, width=9), "anything": anything}


def test_close_names_come_before_all_names():
    assert suggest("rad", ["red", "green"]) == "Did you mean red?"
    assert suggest("xyz", ["red", "green"]) == "Known: green, red."
    assert suggest("xyz", []) == "It takes none."


def test_build_calls_with_the_sections_fields():
    assert build(TABLE, {"name": "box", "width": 2}, "shape") == (2, None, "red", 1.5)
    assert build(TABLE, "wide", "shape", color="blue") == (9, None, "blue", 1.5)
    assert build(TABLE, {"name": "anything", "a": 1}, "shape", b=2) == {"a": 1, "b": 2}
    section = {"name": "wide"}
    build(TABLE, section, "shape")
    assert section == {"name": "wide"}


@pytest.mark.parametrize(
    ("section", "given", "sentence"),
    [
        ("bax", {}, "unknown shape 'bax'. Did you mean box?"),
        ({"name": ("box",)}, {}, "unknown shape '('box',)'. Known: anything, box"),
        ({}, {}, "the shape section needs a name. Known: anything, box, wide."),
        (None, {}, "shape is None: give a name or a section with a name."),
        (3, {}, "shape is 3: give a name or a section with a name."),
        ({"name": "box"}, {}, "shape 'box' needs width."),
        ({"name": "wide", "widht": 2}, {}, "takes no 'widht'. Did you mean width?"),
        ({"name": "wide", "x": 2}, {"width": 1}, "Known: color, depth, height."),
        ({"name": "box", "width": 2}, {"width": 1}, "gets its width elsewhere"),
        ({"name": "box", "width": "2"}, {}, "width is '2'; expected a whole number."),
        ({"name": "wide", "height": 1.5}, {}, "expected a whole number or none."),
        ({"name": "wide", "depth": "x"}, {}, "depth is 'x'; expected a number."),
        ({"name": "wide", "color": None}, {}, "color is None; expected text."),
    ],
)
def test_what_does_not_fit_is_answered(section, given, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        build(TABLE, section, "shape", **given)


def test_what_the_program_gives_is_not_judged():
    assert build(TABLE, "box", "shape", width="any")[0] == "any"
    with pytest.raises(ValueError, match=r"f takes no 'c'\. Known: b"):
        check_arguments(lambda a, b: None, {"c": 1}, "f", given=("a",))


def test_a_few_of_many_names():
    assert few("abc", 3) == "a, b, c" and few("abcd", 3) == "a, b, c and 1 more"
    assert few([1]) == "1" and few([]) == "nothing"


@pytest.mark.parametrize(
    ("wanted", "good", "bad"),
    [
        (int, [3, np.int64(3)], [3.0, True, "3", None]),
        (float, [3.5, 3, np.float32(3)], [True, "3.5"]),
        (bool, [True], [1, "true"]),
        (str, ["a"], [3, ("a",)]),
        (int | None, [3, None], ["none"]),
        (tuple[int, int], [(1, 2), [1, 2]], [(1,), (1, 2, 3), (1, "a"), 1]),
        (tuple[int, ...], [(), (1, 2, 3)], [(1.5,), "12"]),
        (Sequence[str], [("a", "b"), ["a"]], ["ab", (1,)]),
        (float | Sequence[float], [0.5, (0.5, 1)], ["x", ("x",)]),
        (Mapping, [{}], ["a", None]),
        (Mapping | str | Callable, [{}, "a", len], [3]),
        (Any, [3, None, "a"], []),
    ],
)
def test_values_fit_annotations(wanted, good, bad):
    assert [fits(value, wanted) for value in good] == [True] * len(good)
    assert [fits(value, wanted) for value in bad] == [False] * len(bad)


def test_annotations_in_words():
    assert describe(int | None) == "a whole number or none"
    assert describe(Mapping | str | Callable) == "a section or text"
    assert describe(tuple[int, int]) == "a tuple of 2 values, each a whole number"
    assert describe(Sequence[str]) == "a tuple, each text"
