import io
import sys

import numpy as np
import pytest
from PIL import Image

from resnet_jax.data.crop import read_crop
from resnet_jax.data.geometry import RandomResizedCrop
from resnet_jax.data.images import BadImage, read_image
from resnet_jax.data.tfds import RecordSource
from resnet_jax.data.turbo import turbo_libraries

RNG = np.random.default_rng(5)
ALL = {"scale": (1, 1), "ratio": (1, 1)}  # of a square the whole


def encoded(image, kind="JPEG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photo(width=96, height=80, mode="RGB"):
    coarse = RNG.integers(0, 255, (6, 7, 4), np.uint8)
    return Image.fromarray(coarse).resize((width, height)).convert(mode)


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


def deep():
    return Image.fromarray(RNG.integers(0, 65536, (40, 50), np.uint16))


FILES = {
    "color": lambda: encoded(photo()),
    "turned": lambda: encoded(photo(), **turned(6)),
    "upside down": lambda: encoded(photo(), **turned(3)),
    "grey": lambda: encoded(photo(mode="L")),
    "CMYK": lambda: encoded(photo(mode="CMYK")),
    "progressive": lambda: encoded(photo(), progressive=True),
    "PNG": lambda: encoded(photo(), "PNG"),
    "palette": lambda: encoded(photo().quantize(9), "PNG", transparency=2),
    "alpha": lambda: encoded(photo(mode="RGBA"), "WEBP"),
    "16 bits": lambda: encoded(deep(), "PNG"),
}


PLAIN = {"color", "grey", "progressive"}
JPEG = PLAIN | {"turned", "upside down", "CMYK"}


def both(data, crop, u, channels=3):
    """What read_crop gives, and what the transform makes of the decoded image."""
    whole = read_image(data, channels)
    return read_crop(data, channels, crop, u), crop(whole[None], u[None])[0]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", FILES)
def test_fully_decoded_it_is_read_image_and_the_transform(kind, channels):
    data = FILES[kind]()
    crop = RandomResizedCrop(16, filter="bicubic", decode="full")
    for u in RNG.random((5, 22)):
        found, expected = both(data, crop, u, channels)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "decode, kind",
    [
        *(("scaled", kind) for kind in ("color", "PNG", "16 bits")),
        *(("turbo", kind) for kind in sorted(FILES.keys() - PLAIN)),
    ],
)
def test_other_ways_of_decoding_leave_the_rest_alone(decode, kind):
    """Parts below twice the result's size, and files that are read by Pillow."""
    data = FILES[kind]()
    crop = RandomResizedCrop(41 if kind in JPEG else 8, decode=decode)
    for u in RNG.random((5, 22)):
        np.testing.assert_array_equal(*both(data, crop, u))


def blocks():
    """64 blocks of 8 x 8 pixels: at 1/8 each is one pixel."""
    values = RNG.integers(40, 215, (8, 8), np.uint8)
    return values, encoded(Image.fromarray(np.kron(values, np.ones((8, 8), "u1"))))


def test_an_eighth_is_a_pixel_per_block():
    values, data = blocks()
    found = read_crop(data, 1, RandomResizedCrop(8, **ALL), RNG.random(22))
    assert np.abs(found[..., 0].astype(int) - values).max() <= 3
    assert (
        np.abs(
            both(data, RandomResizedCrop(8, **ALL), RNG.random(22), 1)[1][
                ..., 0
            ].astype(int)
            - values
        ).max()
        > 10
    )  # neighbors are mixed in


@pytest.mark.parametrize("size, scale", [(9, 4), (16, 4), (17, 2), (32, 2), (33, 1)])
def test_no_part_is_decoded_smaller_than_the_result(size, scale):
    _, data = blocks()
    found = read_crop(data, 1, RandomResizedCrop(size, **ALL), RNG.random(22))
    image = Image.open(io.BytesIO(data))
    if scale > 1:
        image.draft(None, (64 // scale, 64 // scale))
    assert image.size == (64 // scale, 64 // scale)
    expected = image.resize((size, size), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(found[..., 0], np.asarray(expected))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_scaled_parts_lie_where_full_ones_do(orientation):
    """On slopes of a level per pixel a shift by a decoded pixel is 2 to 8 levels.

    Sides that 8 does not divide: where a mirrored image begins matters too.
    """
    y, x = np.mgrid[:203, :251]
    image = np.stack([x, y + 20, 255 - x], -1).astype(np.uint8)
    data = encoded(Image.fromarray(image), quality=98, **turned(orientation))
    scaled, full = (RandomResizedCrop(10, decode=d) for d in ("scaled", "full"))
    for u in RNG.random((9, 22)):
        found, expected = (read_crop(data, 3, crop, u) for crop in (scaled, full))
        error = found.astype(int) - expected
        assert np.abs(error).max() <= 3 and abs(error.mean()) < 0.7


def test_scaled_and_full_differ_by_a_level():
    from skimage.data import astronaut

    data = encoded(Image.fromarray(astronaut()), quality=90)
    u = np.full(22, 0.5)
    for size, decoded in ((150, 2), (80, 4)):
        scaled = RandomResizedCrop(size, **ALL)
        found, expected = both(data, scaled, u)
        error = np.abs(found.astype(int) - expected)
        assert 0 < error.mean() < 1.6, decoded


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", sorted(PLAIN))
def test_turbo_enlarges_as_pillow_does(kind, channels):
    """Where nothing is made smaller the two libraries have the same filter."""
    data = FILES[kind]()
    turbo, full = (RandomResizedCrop(99, decode=d) for d in ("turbo", "full"))
    for u in RNG.random((5, 22)):
        found, expected = (read_crop(data, channels, c, u) for c in (turbo, full))
        assert found.shape == expected.shape and found.dtype == expected.dtype
        error = found.astype(int) - expected
        assert np.abs(error).mean() < 0.5
        # Grey is the file's own luminance, not computed from colors that were clipped.
        assert np.abs(error).max() <= 2 or (channels == 1 and kind != "grey")


@pytest.mark.parametrize("size", [9, 16, 17, 32, 33, 64])
def test_turbo_decodes_a_fraction_as_pillow_does(size):
    """Then 64 blocks of 8 x 8 pixels are resized by a factor below two."""
    _, data = blocks()
    for method in ("nearest", "bilinear", "bicubic", "lanczos"):
        turbo, scaled = (
            RandomResizedCrop(size, filter=method, decode=decode, **ALL)
            for decode in ("turbo", "scaled")
        )
        u = RNG.random(22)
        found, expected = (read_crop(data, 1, c, u) for c in (turbo, scaled))
        error = np.abs(found.astype(int) - expected)
        assert error.mean() < (1 if size % 8 == 0 else 25), method


def test_turbo_takes_means_where_much_is_left_out():
    values = RNG.integers(0, 255, (128, 128), np.uint8)
    noise = np.kron(values, np.ones((8, 8), np.uint8))
    data = encoded(Image.fromarray(noise), quality=98)
    crop = RandomResizedCrop(8, decode="turbo", **ALL)
    found = read_crop(data, 1, crop, RNG.random(22))[..., 0]
    means = values.reshape(8, 16, 8, 16).mean((1, 3))
    assert np.abs(found - means).max() < 3


def test_mistakes(monkeypatch):
    crop, u = RandomResizedCrop(8), RNG.random(22)
    data = FILES["color"]()
    for decode in ("full", "scaled", "turbo"):
        one = RandomResizedCrop(8, decode=decode)
        with pytest.raises(BadImage, match=r"cat\.jpg is damaged"):
            read_crop(data[: len(data) // 2], 3, one, u, name="cat.jpg")
    with pytest.raises(BadImage, match="is empty"):
        read_crop(b"", 3, crop, u)
    with pytest.raises(ValueError, match="channels must be 1, 3 or 4, not 2"):
        read_crop(data, 2, crop, u)
    with pytest.raises(ValueError, match="'full', 'scaled' or 'turbo', not 'half'"):
        RandomResizedCrop(8, decode="half")
    turbo_libraries.cache_clear()
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    with pytest.raises(ValueError, match=r"needs `pip install 'resnet-jax\[turbo\]'`"):
        RandomResizedCrop(8, decode="turbo")


class Label:
    names = ("cat", "dog")


@pytest.mark.parametrize("stored", ["JPEG", "pixels"])
def test_records_are_cropped_as_they_are_read(stored):
    data = FILES["color"]()
    pixels = read_image(data)
    source = object.__new__(RecordSource)
    source.class_names, source.description = Label.names, "pets"
    source.channels = 3 if stored == "JPEG" else None
    source.records = [{"image": data if stored == "JPEG" else pixels, "label": 1}]
    crop, u = RandomResizedCrop(50), RNG.random(22)
    example = source.crop(0, crop, u)
    np.testing.assert_array_equal(example["image"], crop(pixels[None], u[None])[0])
    assert example["label"] == 1
