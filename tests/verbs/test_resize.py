"""The verb resize: what is written, under which names, and what is left out."""

import json
from fractions import Fraction

import numpy as np
import pytest
from mistakes import gets_one_sentence_and_costs_nothing
from PIL import Image

from resnet_jax.bicubic import bicubic
from resnet_jax.main import main
from resnet_jax.verbs import image_files
from resnet_jax.verbs.image_files import named_files, write_each
from resnet_jax.verbs.resize import resize


def noise(*shape, dtype=np.uint8):
    limit = np.iinfo(dtype).max
    return np.random.default_rng(len(shape)).integers(0, limit, shape, dtype)


COLOR, GREY, ALPHA = noise(13, 18, 3), noise(12, 9), noise(8, 8, 4)
DEEP = noise(10, 11, dtype=np.uint16)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of images of all kinds, two bad ones among them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "more").mkdir(parents=True)
    for name, image in (
        ("color.png", COLOR),
        ("grey.tif", GREY),
        ("more/alpha.webp", ALPHA),
        ("more/deep.png", DEEP),
    ):
        options = {"lossless": True} if name.endswith("webp") else {}
        Image.fromarray(image).save(tmp_path / "in" / name, **options)
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nonsense")
    (tmp_path / "in" / "more" / "zero.png").touch()
    return tmp_path


def read(file) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)


def test_every_kind_of_image_and_two_bad_ones(place, capsys):
    assert main(["resize", "in", "--scale=1/4", "--crop", "--out=out"]) == 0
    expected = {
        "color.png": bicubic(COLOR[:12, :16], 1 / 4),
        "grey.png": bicubic(GREY[:12, :8], 1 / 4),
        "more/alpha.png": bicubic(ALPHA, 1 / 4),
        "more/deep.png": bicubic(DEEP[:8, :8], 1 / 4),
    }
    found = {p.relative_to(place / "out").as_posix() for p in place.glob("out/**/*.*")}
    assert found == set(expected)
    for name, image in expected.items():
        made = read(place / "out" / name)
        assert made.dtype == image.dtype
        np.testing.assert_array_equal(made, image)
    output = capsys.readouterr()
    assert output.out == "4 images in out, 2 left out\n"
    first, second = output.err.splitlines()
    assert first.startswith("warning: in/broken.jpg is") and "left out" in first
    assert second == "warning: in/more/zero.png is empty (0 bytes). It is left out."


def test_sizes_and_enlarging(place, capsys):
    resize("in/color.png", size="20x7", out="wide")
    made = read("wide/color.png")
    np.testing.assert_array_equal(made, bicubic(COLOR, size=(20, 7)))
    assert main(["resize", "in/more/deep.png", "--scale=2", "--out=b", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"images": 1, "folder": "b", "skipped": {}}
    np.testing.assert_array_equal(read("b/deep.png"), bicubic(DEEP, 2))
    assert str(resize("in/color.png", scale="0.5", out="c")) == "1 image in c"
    np.testing.assert_array_equal(read("c/color.png"), bicubic(COLOR, Fraction(1, 2)))


def test_an_image_that_cannot_be_resized_does_not_lose_the_others(place, monkeypatch):
    Image.fromarray(COLOR[:3, :3]).save("in/tiny.png")
    monkeypatch.setattr("resnet_jax.verbs.resize.MAX_PIXELS", 100 * 100)
    skipped = resize("in", scale="1/4", crop=True, out="a")["skipped"]
    assert "3 x 3 pixels, less than the 4 x 4 that --crop" in skipped["in/tiny.png"]
    skipped = resize("in", scale="8", out="b")["skipped"]
    assert "in/color.png would have 14,976 pixels" in skipped["in/color.png"]
    assert read("b/grey.png").shape == (96, 72)


def test_names_that_differ_in_their_suffix_keep_it(place):
    Image.fromarray(GREY).save("in/color.tif")
    assert resize("in", size="4x4", out="out")["images"] == 5
    names = {path.name for path in (place / "out").glob("*.png")}
    assert names == {"color.png.png", "color.tif.png", "grey.png"}


def test_names_come_in_order_and_hidden_files_are_none(place):
    (place / "in" / ".hidden.png").touch()
    names = [str(name) for _, name in named_files(["in/grey.tif", "in"])]
    expected = ["broken.jpg", "color.png", "grey.tif"]
    expected += ["more/alpha.webp", "more/deep.png", "more/zero.png"]
    assert names == ["grey.tif", *expected]


def test_a_full_disk_is_no_bad_image(place, monkeypatch):
    def full(path, image):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_files, "save_png", full)
    with pytest.raises(ValueError, match=r"'out' cannot be written to \(No space left"):
        write_each("in", "out", lambda image: image, "copy")


MISTAKES = [
    ("resize", "needs SOURCE", "usage: resnet-jax resize SOURCE"),
    ("resize in", "resize needs --out", "--scale=1/4 --out=DIR"),
    ("resize in --out=out", "needs either --scale", "--size=HEIGHTxWIDTH"),
    ("resize in --out=out --scale=2 --size=3x3", "needs either --scale"),
    ("resize in --out=out --scale=x4", "--scale is 'x4'", "such as 1/4"),
    ("resize in --out=out --scale=0", "--scale is '0'", "from 1/1000 to 1000"),
    ("resize in --out=out --scale=-1/4", "--scale is '-1/4'", "such as 1/4"),
    ("resize in --out=out --scale=1/0", "--scale is '1/0'", "such as 1/4"),
    ("resize in --out=out --scale=nan", "--scale is 'nan'", "such as 1/4"),
    ("resize in --out=out --scale=1e-9", "--scale is '1e-9'", "1/1000 to 1000"),
    ("resize in --out=out --size=20", "--size is '20'", "such as 240x320"),
    ("resize in --out=out --size=0x9", "--size is '0x9'", "such as 240x320"),
    ("resize in --out=out --size=2x2 --crop", "--crop is for a --scale below 1"),
    ("resize in --out=out --scale=4 --crop", "--crop is for a --scale below 1"),
    ("resize nowhere --out=out --scale=2", "no file or folder 'nowhere'"),
    ("resize empty --out=out --scale=2", "'empty' holds no .png"),
    ("resize text.png --out=out --scale=2", "text.png is not a readable PNG"),
    ("resize broken --out=out --scale=2", "0.png is", "None of the 2 images"),
    ("resize in/color.png --out=out --scale=1000", "234,000,000", "a smaller scale"),
    ("resize in --out=in --scale=2", "--out: 'in' has files", "name a new folder"),
    ("resize in --out=text.png --scale=2", "'text.png' is a file", "a new folder"),
    ("resize in --out=text.png/a --scale=2", "'text.png' is a file", "a new folder"),
    ("resize in --out=/proc/out --scale=2", "'/proc/out' cannot be written to"),
    ("resize in --out=out --scal=2", "--scal", "Did you mean scale?"),
    ("resize in more --out=out --scale=2", "unexpected 'more'"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_a_mistake_gets_one_sentence_and_costs_nothing(mistake, place, capsys):
    (place / "empty").mkdir()
    (place / "broken").mkdir()
    for i in range(2):
        (place / "broken" / f"{i}.png").write_text("no image")
    (place / "text.png").write_text("no image")
    gets_one_sentence_and_costs_nothing(mistake, place, capsys)
