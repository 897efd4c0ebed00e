"""The verb transform: files of every kind through a network, and back."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import types

import jax.numpy as jnp
import numpy as np
import pytest
import tiny_translators as tiny
from PIL import Image

from resnet_jax import translators
from resnet_jax.bicubic import bicubic
from resnet_jax.data.picture import read_picture
from resnet_jax.data.picture_file import written
from resnet_jax.main import main
from resnet_jax.translator import Translator
from resnet_jax.verbs.transform import transform


class FakeTask:
    """As much of a task as the verb asks for."""

    def __init__(self, translator):
        self.made, self.asked = translator, []

    def prepare_eval(self, state, batches, key):
        return state + ", prepared"

    def translator(self, state, direction):
        assert state == "state, prepared"
        self.asked.append(direction)
        return self.made


@pytest.fixture
def given(monkeypatch):
    """Puts a network in place of a run; returns the task that has it."""

    def put(translator):
        task = FakeTask(translator)
        run = types.SimpleNamespace(task=task, state="state")
        monkeypatch.setattr(translators, "is_run", lambda name: True)
        monkeypatch.setattr(translators, "load", lambda *arguments: run)
        return task

    return put


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(path, **options)
    return str(path)


def opened(path):
    with Image.open(path) as image:
        return np.asarray(image), image.mode, image.format


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (20, 30, 4), (1, 1, 3)])
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_every_kind_comes_back_as_it_was_but_larger(given, tmp_path, shape, suffix):
    given(tiny.twofold())
    x = noise(*shape)
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    save(tmp_path / "in" / f"x.{suffix}", x, **options)
    out = tmp_path / "out"
    (row,) = transform("run", [str(tmp_path / "in")], out=str(out), tile=8)
    found, _, kind = opened(out / f"x.{suffix}")
    expected = x.repeat(2, 0).repeat(2, 1)
    if shape[2:] == (4,):
        expected[..., 3] = bicubic(x[..., 3], 2)
    if suffix == "webp" and len(shape) == 2:
        found = found[..., 0]
    np.testing.assert_array_equal(found, expected)
    assert kind == {"tiff": "TIFF", "png": "PNG", "webp": "WEBP"}[suffix]
    assert row["output"] == str(out / f"x.{suffix}") and row["note"] == ""
    height, width = shape[:2]
    assert row["size"] == f"{height} x {width} -> {2 * height} x {2 * width}"


def test_16_bits_stay(given, tmp_path):
    given(tiny.twofold(1))
    x = noise(20, 30, dtype=np.uint16)
    path = save(tmp_path / "x.png", x)
    transform("run", [path], out=str(tmp_path / "out"), tile=8)
    found, mode, _ = opened(tmp_path / "out" / "x.png")
    assert mode == "I;16"
    np.testing.assert_array_equal(found, x.repeat(2, 0).repeat(2, 1))


def test_jpeg_orientation_and_profile(given, tmp_path):
    given(tiny.same())
    image = Image.new("RGB", (48, 32), "red")
    image.paste("blue", (24, 0, 48, 32))
    exif = image.getexif()
    exif[0x0112] = 6
    path = save(tmp_path / "x.jpg", image, exif=exif, icc_profile=b"profile")
    transform("run", [path], out=str(tmp_path / "out"))
    with Image.open(tmp_path / "out" / "x.jpg") as found:
        assert found.size == (32, 48) and found.format == "JPEG"
        assert found.info["icc_profile"] == b"profile" and not found.getexif()
        assert found.getpixel((16, 8))[0] > 200 < found.getpixel((16, 40))[2]


def test_grey_through_a_color_network_is_averaged(given, tmp_path):
    weights = (0.0, 0.5, 1.0)
    made = dataclasses.replace(tiny.same(), apply=lambda x: x * jnp.array(weights))
    given(made)
    path = save(tmp_path / "x.png", np.full((4, 6), 100, np.uint8))
    transform("run", [path], out=str(tmp_path / "out"))
    found, mode, _ = opened(tmp_path / "out" / "x.png")
    assert mode == "L" and (found == 50).all()


def test_color_through_a_grey_network_is_three_images(given, tmp_path):
    made = dataclasses.replace(
        tiny.same(1), apply=lambda x: x - x.mean((1, 2, 3), keepdims=True) + 0.5
    )
    given(made)
    x = np.stack([np.full((4, 4), v, np.uint8) for v in (10, 100, 200)], -1)
    path = save(tmp_path / "x.png", x)
    transform("run", [path], out=str(tmp_path / "out"))
    found, mode, _ = opened(tmp_path / "out" / "x.png")
    assert mode == "RGB" and np.ptp(found) == 0


def test_grey_becomes_color_where_that_is_the_task(given, tmp_path):
    made = Translator(
        apply=lambda x: jnp.concatenate([x, 1 - x], -1),
        in_channels=3,
        out_channels=3,
        halo=0,
        encode=lambda x: x[..., :1],
        decode=lambda made, x: jnp.concatenate([x[..., :1], made], -1),
    )
    given(made)
    path = save(tmp_path / "x.jpg", np.full((16, 16), 51, np.uint8))
    transform("run", [path], out=str(tmp_path / "out"))
    found, mode, _ = opened(tmp_path / "out" / "x.jpg")
    assert mode == "RGB"
    assert np.abs(found[8, 8].astype(int) - (51, 51, 204)).max() < 4


def test_units_scale_ensemble_and_rounding(given, tmp_path):
    made = tiny.strided()
    given(made)
    x = noise(24, 40, 3)
    path = save(tmp_path / "x.png", x)
    transform("run", [path], out=str(tmp_path / "a"), tile=16, batch_size=2)
    transform("run", [path], out=str(tmp_path / "b"), tile=0)
    a, b = (opened(tmp_path / name / "x.png")[0].astype(int) for name in "ab")
    expected = np.asarray(made(jnp.asarray(x[None] / 255, jnp.float32)))[0]
    assert np.abs(b - 255 * expected.clip(0, 1)).max() <= 0.51
    assert np.abs(a - b).max() <= 1
    transform("run", [path], out=str(tmp_path / "c"), tile=16, ensemble=True)
    assert np.abs(opened(tmp_path / "c" / "x.png")[0].astype(int) - b).max() > 2


def test_direction_is_asked_of_the_task(given, tmp_path):
    task = given(tiny.same())
    path = save(tmp_path / "x.png", noise(4, 4, 3))
    for i, direction in enumerate(("", "ab", "ba")):
        transform("run", [path], out=str(tmp_path / f"{i}"), direction=direction)
    assert task.asked == ["", "ab", "ba"]


def test_one_bad_file_does_not_lose_the_others(given, tmp_path, capsys):
    given(tiny.twofold())
    folder = tmp_path / "in"
    for name in ("a.png", "z.png", "deep/b.png"):
        save(folder / name, noise(8, 8, 3))
    save(folder / "cmyk.jpg", Image.new("CMYK", (8, 8)))
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    save(folder / "moves.webp", frames[0], save_all=True, append_images=frames[1:])
    save(folder / "huge.png", Image.new("L", (8000, 7000)))
    (folder / "text.png").write_text("text")
    (folder / "zero.png").write_bytes(b"")
    cut = (folder / "a.png").read_bytes()[:100]
    (folder / "cut.png").write_bytes(cut)
    arguments = ["transform", "run", str(folder), f"--out={tmp_path / 'out'}", "--json"]
    assert main(arguments) == 0
    output = capsys.readouterr()
    rows = {pathlib.Path(row["image"]).name: row for row in json.loads(output.out)}
    done = sorted(name for name, row in rows.items() if row["output"])
    assert done == ["a.png", "b.png", "z.png"]
    says = {
        "cmyk.jpg": "in CMYK",
        "moves.webp": "has 2 frames: it is animated",
        "huge.png": "has 56,000,000 pixels",
        "text.png": "is not a readable PNG",
        "zero.png": "is empty (0 bytes)",
        "cut.png": "is damaged",
    }
    for name, words in says.items():
        assert words in rows[name]["note"] and name in rows[name]["note"]
    assert "6 of 9 images are skipped" in output.err
    expected = ["a.png", "deep/b.png", "gallery.html", "z.png"]
    assert names(tmp_path / "out") == expected


def test_nothing_is_overwritten(given, tmp_path):
    given(tiny.same())
    folder, out = tmp_path / "in", tmp_path / "in" / "out"
    save(folder / "a.png", noise(8, 8, 3))
    first = transform("run", [str(folder)], out=str(out))
    before = (out / "a.png").read_bytes()
    save(folder / "b.png", noise(8, 8, 3))
    given(tiny.twofold())
    again = transform("run", [str(folder)], out=str(out))
    assert len(first) == 1 and [bool(row["output"]) for row in again] == [False, True]
    assert "is there already" in again[0]["note"]
    assert (out / "a.png").read_bytes() == before
    third = transform("run", [str(folder)], out=str(out))
    assert not any(row["output"] for row in third)
    assert names(out) == ["a.png", "b.png", "gallery-2.html", "gallery.html"]


def test_one_name_from_two_folders(given, tmp_path):
    given(tiny.same())
    paths = [save(tmp_path / name / "x.png", noise(8, 8, 3)) for name in "ab"]
    rows = transform("run", paths, out=str(tmp_path / "out"))
    assert rows[0]["output"] and not rows[1]["output"]
    assert f"'{paths[0]}' has the same name" in rows[1]["note"]
    rows = transform("run", [str(tmp_path)], out=str(tmp_path / "other"), suffix="_2")
    done = [row["output"] for row in rows if "out/" not in row["image"]]
    assert done == [str(tmp_path / "other" / name / "x_2.png") for name in "ab"]


def test_results_beside_the_images(given, tmp_path):
    given(tiny.same())
    path = save(tmp_path / "x.png", noise(8, 8, 3))
    transform("run", [path], out=str(tmp_path), suffix="_new")
    assert names(tmp_path) == ["gallery.html", "x.png", "x_new.png"]


def test_blended_tiles_are_reported(given, tmp_path):
    given(tiny.normalized())
    path = save(tmp_path / "x.png", noise(64, 48, 3))
    (row,) = transform("run", [path], out=str(tmp_path / "a"), tile=32, overlap=8)
    assert row["note"].startswith("blended tiles: ") and "/255 apart" in row["note"]
    (row,) = transform("run", [path], out=str(tmp_path / "b"))
    assert row["note"] == ""


def test_the_gallery_shows_before_after_and_bicubic(given, tmp_path):
    given(tiny.twofold())
    save(tmp_path / "in" / "<b>.png", noise(300, 200, 3))
    transform("run", [str(tmp_path / "in")], out=str(tmp_path / "out"))
    page = (tmp_path / "out" / "gallery.html").read_text()
    assert page.count("<img") == 4 == page.count("data:image/")
    for words in ("before", "after", "a part, bicubic", "a part, after", "&lt;b&gt;"):
        assert words in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")


def test_a_result_that_cannot_be_written_is_skipped(given, tmp_path, monkeypatch):
    given(tiny.twofold())
    paths = [save(tmp_path / name, noise(8, 8, 3)) for name in ("a.png", "b.png")]
    save(tmp_path / "c.webp", Image.new("RGB", (8, 8192)))
    rows = transform("run", [*paths, str(tmp_path / "c.webp")], out=str(tmp_path / "o"))
    assert [bool(row["output"]) for row in rows] == [True, True, False]
    assert "16,383 pixels per side" in rows[2]["note"]
    assert names(tmp_path / "o") == ["a.png", "b.png", "gallery.html"]


def test_values_that_are_not_finite_are_no_image(given, tmp_path):
    broken = dataclasses.replace(tiny.same(), apply=lambda x: x / 0)
    given(broken)
    path = save(tmp_path / "x.png", noise(8, 8, 3))
    with pytest.raises(ValueError, match="values that are not finite"):
        transform("run", [path], out=str(tmp_path / "out"))
    assert not names(tmp_path / "out")


def test_16_bit_color_through_a_network(given, tmp_path):
    given(tiny.same())
    x = noise(12, 10, 3, dtype=np.uint16)
    path = tmp_path / "x.tiff"
    like = read_picture(save(tmp_path / "l.tiff", x[..., 0]))
    with written(path, like, *x.shape) as add:
        add(x)
    transform("run", [str(path)], out=str(tmp_path / "out"), tile=4)
    found = read_picture(tmp_path / "out" / "x.tiff").pixels
    np.testing.assert_array_equal(found, x, strict=True)


@pytest.mark.slow
@pytest.mark.skipif(
    not pathlib.Path("/proc/self/status").exists(), reason="the peak is read from /proc"
)
@pytest.mark.parametrize(("scale", "suffix"), [(1, "jpg"), (2, "png")])
def test_a_photograph_passes_under_2_gib(tmp_path, scale, suffix):
    """In a process of its own: 4000 x 3000 pixels, progress on standard error."""
    y, x = np.mgrid[:3000, :4000] / 4000
    rows = np.stack([y, x, (1 + np.sin(90 * x * y)) / 2], -1)
    path = save(tmp_path / f"x.{suffix}", (255 * rows).astype(np.uint8))
    tests = pathlib.Path(__file__).parent.parent
    folders = os.pathsep.join(map(str, (tests.parent, tests)))
    child = subprocess.run(
        [
            sys.executable,
            tests / "transform_child.py",
            str(scale),
            tmp_path / "o",
            path,
        ],
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(child.stdout) < 2048
    with Image.open(tmp_path / "o" / f"x.{suffix}") as image:
        assert image.size == (4000 * scale, 3000 * scale)
