import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from resnet_jax.figures import Matrix, Reliability
from resnet_jax.report.svg import heat_map, line_chart, reliability_diagram, ticks

SVG = "{http://www.w3.org/2000/svg}"


def curves(svg):
    root = ElementTree.fromstring(svg)
    return [p.get("d") for p in root.iter(SVG + "path") if len(p)]


def texts(svg):
    return [t.text for t in ElementTree.fromstring(svg).iter(SVG + "text")]


def test_a_chart_has_a_title_a_legend_and_a_curve_per_series():
    svg = line_chart(
        {"train": [(0, 1), (10, 2)], "test": [(5, 1.5)]}, "Loss", "step", "nats"
    )
    assert len(curves(svg)) == 2
    assert {"Loss", "train 2", "test 1.5", "step", "nats"} <= set(texts(svg))


def test_higher_values_are_drawn_higher():
    (path,) = curves(line_chart({"a": [(0, 1.0), (1, 3.0)]}, "t"))
    (x0, y0), (x1, y1) = (p.split() for p in path[1:].split("L"))
    assert float(x0) < float(x1) and float(y0) > float(y1)


def test_non_finite_values_are_gaps():
    points = [(0, 1), (1, math.nan), (2, 2), (3, 3), (4, math.inf), (5, 1)]
    (path,) = curves(line_chart({"a": points}, "t"))
    assert path.count("M") == 3
    assert not re.search("nan|inf", path)


@pytest.mark.parametrize("points", [[], [(0, math.nan)], [(7, 7.0)], [(1, 0), (2, 0)]])
def test_hardly_any_values(points):
    svg = line_chart({"a": points}, "t")
    ElementTree.fromstring(svg)
    finite = any(math.isfinite(y) for _, y in points)
    assert ("no finite values" in svg) is not finite


def test_wide_positive_values_get_a_logarithmic_axis():
    points = [(0, 1e-4), (1, 1e-2), (2, 1.0)]
    svg = line_chart({"a": points}, "t")
    (path,) = curves(svg)
    ys = [float(p.split()[1]) for p in path[1:].split("L")]
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
    assert "step · logarithmic scale" in texts(svg)
    assert "logarithmic" not in line_chart({"a": [(0, 0.0), *points]}, "t")
    assert "logarithmic" not in line_chart({"a": points}, "t", logarithmic=False)


def test_long_series_are_thinned_but_keep_their_extremes():
    points = [(i, float(i == 70_001)) for i in range(100_000)]
    svg = line_chart({"a": points}, "t")
    (path,) = curves(svg)
    assert path.count("L") < 700 and len(svg) < 20_000
    heights = [float(p.split()[1]) for p in path[1:].split("L")]
    assert min(heights) < max(heights)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.013, 0.94), (-3, 1e6), (5, 5), (0, 0), (1e-9, 3e-9)]
)
def test_ticks_are_few_and_cover_the_range(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 9
    assert found[0] <= low + 1e-12 and found[-1] >= high - 1e-12
    assert found == sorted(set(found))


@pytest.mark.parametrize("n", [1, 2, 3, 10, 20, 37, 100])
def test_heat_maps_are_well_formed(n):
    counts = np.eye(n) * 30 + np.eye(n, k=1)
    names = tuple(f"class number {i}" for i in range(n))
    svg = heat_map(Matrix(counts, names, "true", "predicted"))
    found = texts(svg)
    assert found.count("class number 0") == 2
    assert ("30" in found) is (n <= 20)
    cells = [
        r for r in ElementTree.fromstring(svg).iter(SVG + "rect") if r.get("class")
    ]
    assert len(cells) == n + n - 1
    width = float(ElementTree.fromstring(svg).get("viewBox").split()[2])
    assert width < 1000


def test_heat_map_colors_by_share_of_the_row():
    svg = heat_map(Matrix(np.array([[3, 1], [0, 0]]), ("a", "b"), "true", "predicted"))
    assert "a → b: 1 (25.0 %)" in svg
    right, wrong = (
        r for r in ElementTree.fromstring(svg).iter(SVG + "rect") if r.get("class")
    )
    assert (right.get("class"), wrong.get("class")) == ("d", "e")
    assert float(right.get("fill-opacity")) == pytest.approx(0.78, abs=0.01)
    assert float(wrong.get("fill-opacity")) == pytest.approx(0.55, abs=0.01)


def test_of_very_many_classes_the_most_confused_are_shown():
    counts = np.diag(np.full(250, 9.0))
    counts[240, 7] = 5
    names = tuple(f"n{i}" for i in range(250))
    found = texts(heat_map(Matrix(counts, names, "true", "predicted")))
    assert "n240" in found and "n7" in found and "n249" not in found
    assert "predicted (the 100 classes with most errors)" in found


def test_names_are_escaped():
    evil = ('"><script>alert(1)</script>', "a\udcffb")
    for svg in (
        heat_map(Matrix(np.eye(2), evil, "true", "<b>")),
        line_chart({evil[0]: [(0, 1)]}, evil[0]),
    ):
        root = ElementTree.fromstring(svg)
        assert not list(root.iter(SVG + "script")) and "<script" not in svg
        svg.encode()


def test_a_reliability_diagram_has_a_bar_per_filled_bin():
    figure = Reliability((2, 0, 6), (0.2, None, 0.9), (0.5, None, 1.0), "Error 5 %")
    svg = reliability_diagram(figure)
    root = ElementTree.fromstring(svg)
    bins = [g for g in root.iter(SVG + "g") if g.find(SVG + "title") is not None]
    assert [g.find(SVG + "title").text.partition(":")[0] for g in bins] == [
        "2 examples", "6 examples",
    ]  # fmt: skip
    heights = [float(g.find(SVG + "rect").get("height")) for g in bins]
    assert heights[1] == 2 * heights[0]
    assert "Error 5 %" in texts(svg)
