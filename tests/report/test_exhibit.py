import json

import numpy as np
import pytest

from resnet_jax.figures import Gallery, Matrix, Table
from resnet_jax.report.exhibit import load_exhibits, save_exhibit


def test_figures_come_back_as_they_were(tmp_path):
    matrix = Matrix(np.array([[3, 1], [0, 2]]), ("a", "b"), "true", "predicted")
    table = Table(("class", "accuracy"), (("a", 0.75), ("b\udcff", float("nan"))))
    save_exhibit(tmp_path, "per_class", 7, table)
    save_exhibit(tmp_path, "test/confusion", 7, matrix)
    first, second = load_exhibits(tmp_path)
    assert (first.name, first.step) == ("test/confusion", 7)
    np.testing.assert_array_equal(first.figure.counts, matrix.counts)
    assert first.figure.names == ("a", "b")
    assert second.figure.rows == (("a", 0.75), ("b\udcff", None))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_a_gallery_come_back(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 4, channels), np.uint8)
    figure = Gallery("test", np.arange(5), tuple("abcde"))
    save_exhibit(tmp_path, "mistakes", 3, figure, list(images))
    (exhibit,) = load_exhibits(tmp_path)
    assert exhibit.figure.captions == tuple("abcde")
    shown = [np.asarray(p).reshape(6, 4, channels) for p in exhibit.pictures]
    np.testing.assert_array_equal(shown, images)


def test_names_stay_inside_the_folder(tmp_path):
    save_exhibit(tmp_path / "figures", "../../evil name", 1, Table(("a",), ((1,),)))
    assert [p.name for p in tmp_path.rglob("*.json")] == ["_evil_name.json"]
    assert load_exhibits(tmp_path / "figures")[0].name == "../../evil name"


def test_damaged_figures_are_passed_over(tmp_path):
    gallery = Gallery("test", np.arange(1), ("a",))
    save_exhibit(tmp_path, "broken", 1, gallery, [np.zeros((2, 2, 1), np.uint8)])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "half.json").write_text('{"kind": "table", ')
    (tmp_path / "list.json").write_text(json.dumps([1]))
    (tmp_path / "kind.json").write_text(json.dumps({"kind": "x", "figure": {}}))
    assert load_exhibits(tmp_path) == []
    assert load_exhibits(tmp_path / "missing") == []
