import base64
import io

import numpy as np
import pytest
from PIL import Image

from resnet_jax.report.pictures import (
    grid,
    over_time,
    picture,
    save_png,
    small_data_uri,
    strip,
)


@pytest.mark.parametrize(
    ("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGBA"), (13, "RGB")]
)
@pytest.mark.parametrize(
    ("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (bool, 1)]
)
def test_any_image_is_shown(channels, mode, dtype, top):
    image = np.zeros((2, 3, channels), dtype)
    image[0, 1] = top
    shown = picture(image)
    assert shown.mode == mode and shown.size == (3, 2)
    pixels = np.asarray(shown).reshape(2, 3, -1)
    assert (pixels[0, 1] == 255).all() and (pixels[1] == 0).all()


def test_values_out_of_range_are_clipped():
    image = np.array([[[-1.0], [2.0], [np.nan], [np.inf], [0.5]]])
    assert np.asarray(picture(image)).tolist() == [[0, 255, 0, 255, 128]]


def test_grid_places_images_in_rows():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 64, 64, 1), np.uint8
    )
    sheet = np.asarray(grid(images, columns=3, gap=2))
    assert sheet.shape == (2 * 64 + 2, 3 * 64 + 2 * 2)
    assert [sheet[10, x] for x in (10, 76, 142)] == [0, 1, 2]
    assert [sheet[76, x] for x in (10, 76)] == [3, 4]
    assert sheet[76, 142] == 255 and sheet[10, 65] == 255


def test_small_images_are_enlarged_without_smoothing():
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    sheet = np.asarray(grid(image, smallest=64))
    np.testing.assert_array_equal(sheet, image[0].repeat(8, 0).repeat(8, 1))


def test_images_of_different_sizes_and_channels():
    images = [np.zeros((70, 90, 1), np.uint8), np.zeros((100, 64, 3), np.uint8)]
    assert grid(images, columns=2).size == (2 * 90 + 2, 100)


def test_captions_stay_under_their_image():
    images = np.zeros((2, 64, 64, 1), np.uint8)
    evil = "\x1b[31m" + "a very long file name " * 20
    sheet = np.asarray(grid(images, columns=2, captions=[evil, ""]).convert("L"))
    strip = sheet[64:]
    assert (strip[:, :64] < 128).any() and (strip[:, 66:] == 255).all()


def test_a_value_stands_under_the_picture_that_its_name_begins_with():
    images = {name: np.zeros((1, 64, 64, 1), np.uint8) for name in ("a", "a far", "b")}
    values = {"a far dB": np.array([1.5]), "row": np.array([2.0])}
    sheet = np.asarray(strip({**images, **values}).convert("L"))
    headings, under, last = sheet[:18], sheet[82:100], sheet[100:]
    assert sheet.shape[0] == 64 + 3 * 18
    assert all((headings[:, x : x + 60] < 128).any() for x in (0, 66, 132))
    written = [(under[:, x : x + 60] < 128).any() for x in (0, 66, 132)]
    assert written == [False, True, False]
    assert (last[:, :60] < 128).any() and (last[:, 66:] == 255).all()


def test_png_files_and_addresses(tmp_path):
    image = Image.fromarray(np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000)
    save_png(tmp_path / "a.png", image)
    with Image.open(tmp_path / "a.png") as stored:
        np.testing.assert_array_equal(np.asarray(stored), np.asarray(image))
    head, data = small_data_uri(image).split(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as decoded:
        np.testing.assert_array_equal(np.asarray(decoded), np.asarray(image))
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_large_pictures_become_small_addresses():
    noise = np.random.default_rng(0).integers(0, 256, (600, 2000, 3), np.uint8)
    uri = small_data_uri(picture(noise))
    assert uri.startswith("data:image/jpeg")
    assert len(uri) < len(small_data_uri(picture(noise), limit=10**9))


def made(first, second):
    """A grid of two columns and three rows, of gray values."""
    tiles = np.array([first, second] * 3, np.uint8)[:, None, None, None]
    return grid(tiles * np.ones((1, 8, 8, 1), np.uint8), 2)


def test_over_time_is_the_first_column_that_changed(tmp_path):
    grids = {}
    for step, value in ((1000, 90), (0, 10), (500, 50)):
        save_png(tmp_path / "grid.png", made(7, value))
        grids[step] = Image.open(tmp_path / "grid.png").copy()
    shown = over_time(grids)
    pixels = np.asarray(shown)[..., 0]
    assert shown.width == 3 * 64 + 2 * 2 and shown.height > 3 * 64 + 2 * 2
    assert [pixels[10, x] for x in (10, 76, 142)] == [10, 50, 90]
    assert pixels[150, 142] == 90


@pytest.mark.parametrize(
    "grids",
    [
        {},
        {1: made(1, 2)},
        {1: made(1, 2), 2: made(1, 2)},
        {1: made(1, 2), 2: grid(np.zeros((1, 8, 8, 1), np.uint8))},
    ],
    ids=["none", "one", "the same", "others"],
)
def test_nothing_is_shown_over_time_where_nothing_can_be(grids):
    assert over_time(grids) is None
