"""Pictures with everything their files have: read, written, read again."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from resnet_jax.data.images import BadImage, read_image
from resnet_jax.data.picture import Picture, picture_size, read_picture
from resnet_jax.data.picture_file import written

DEEP = [(kind, channels) for kind in ("PNG", "TIFF") for channels in (1, 3, 4)]


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)


def saved(path, array, kind="PNG", **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(path, kind, **options)
    return path


def write(path, pixels, kind="PNG", rows=3, **fields):
    """A file of all channels, written in bands of some rows."""
    with written(path, Picture(pixels[..., :1], None, kind), *pixels.shape) as add:
        for start in range(0, len(pixels), rows):
            add(pixels[start : start + rows])
    return path


def joined(picture):
    alpha = [] if picture.alpha is None else [picture.alpha[..., None]]
    return np.concatenate([picture.pixels, *alpha], axis=-1)


def raw_png(array):
    """A PNG of 16 bits without filters, made here by hand."""
    height, width, channels = array.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    check = lambda name, body: struct.pack(">I", zlib.crc32(name + body))  # noqa: E731
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + check(name, body)
        for name, body in parts
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_colors_of_16_bits_keep_both_bytes(tmp_path, channels):
    x = noise(9, 7, channels, dtype=np.uint16)
    (tmp_path / "x.png").write_bytes(raw_png(x))
    found = read_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(joined(found), x, strict=True)


@pytest.mark.parametrize(("kind", "channels"), DEEP)
def test_16_bits_round_trip(tmp_path, kind, channels):
    x = noise(40, 31, channels, dtype=np.uint16)
    path = write(tmp_path / "x", x, kind, rows=7)
    found = read_picture(path)
    np.testing.assert_array_equal(joined(found), x, strict=True)
    assert found.kind == kind and found.lossless


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_8_bits_round_trip_without_loss(tmp_path, kind, channels):
    x = noise(40, 31, channels)
    found = read_picture(write(tmp_path / "x", x, kind))
    pixels = joined(found)
    if kind == "WEBP":  # which always has colors
        pixels = pixels[..., (0, 3) if channels == 2 else slice(channels)]
    np.testing.assert_array_equal(pixels, x)


def test_what_is_written_is_read_by_pillow(tmp_path):
    """Files of many blocks, by an independent reader."""
    x = np.cumsum(noise(700, 900, 3), axis=1, dtype=np.uint8)
    for kind in ("PNG", "TIFF"):
        with Image.open(write(tmp_path / kind, x, kind, rows=130)) as image:
            assert image.format == kind and image.mode == "RGB"
            np.testing.assert_array_equal(np.asarray(image), x)


def test_smooth_pictures_become_small(tmp_path):
    y, x = np.mgrid[:256, :256]
    smooth = np.stack([y, x, (y + x) // 2], -1).astype(np.uint8)
    for kind in ("PNG", "TIFF"):
        assert write(tmp_path / kind, smooth, kind).stat().st_size < 10_000


def test_jpeg_stays_close(tmp_path):
    y, x = np.mgrid[:64, :64]
    smooth = np.stack([4 * y, 4 * x, 2 * (y + x)], -1).astype(np.uint8)
    found = read_picture(write(tmp_path / "x", smooth, "JPEG"))
    assert found.kind == "JPEG" and not found.lossless
    assert np.abs(found.pixels.astype(int) - smooth).max() < 10


@pytest.mark.parametrize("lossless", [True, False])
def test_webp_is_written_as_it_was(tmp_path, lossless):
    path = saved(tmp_path / "x", noise(40, 30, 3), "WEBP", lossless=lossless)
    found = read_picture(path)
    assert found.lossless == lossless
    with written(tmp_path / "y", found, 40, 30, 3) as add:
        add(found.pixels)
    again = read_picture(tmp_path / "y")
    assert again.lossless == lossless
    assert (again.pixels == found.pixels).all() == lossless


def test_palettes_become_color_and_bits_grey(tmp_path):
    image = Image.fromarray(noise(8, 6, 3)).quantize(8)
    found = read_picture(saved(tmp_path / "p", image))
    np.testing.assert_array_equal(found.pixels, np.asarray(image.convert("RGB")))
    assert found.alpha is None
    found = read_picture(saved(tmp_path / "t", image, transparency=bytes(range(8))))
    assert set(found.alpha.ravel()) <= set(range(8)) and found.alpha.shape == (8, 6)
    bits = Image.fromarray(noise(8, 6)).convert("1")
    found = read_picture(saved(tmp_path / "b", bits)).pixels
    assert found.shape == (8, 6, 1) and set(found.ravel()) == {0, 255}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_orientation_is_undone(tmp_path, orientation, kind):
    image = Image.fromarray(np.repeat(np.repeat(noise(2, 3), 16, 0), 16, 1))
    exif = image.getexif()
    exif[0x0112], exif[0x010E] = orientation, "by hand"
    path = saved(tmp_path / "x", image, kind, exif=exif)
    found = read_picture(path)
    np.testing.assert_array_equal(found.pixels, read_image(path, 1))
    with written(tmp_path / "y", found, *found.pixels.shape) as add:
        add(found.pixels)
    with Image.open(tmp_path / "y") as again:
        kept = again.getexif()
    assert kept[0x010E] == "by hand" and 0x0112 not in kept


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_profiles_are_left_alone(tmp_path, kind):
    profile = bytes(range(256)) * 3
    path = saved(tmp_path / "x", noise(8, 8, 3), kind, icc_profile=profile)
    found = read_picture(path)
    assert found.profile == profile
    for channels, expected in ((3, profile), (4, profile), (1, None)):
        if kind == "JPEG" and channels == 4:
            continue
        with written(tmp_path / "y", found, 8, 8, channels) as add:
            add(noise(8, 8, channels))
        with Image.open(tmp_path / "y") as image:
            assert image.info.get("icc_profile") == expected


def test_a_telephone_s_two_pictures_are_one(tmp_path):
    first, second = (Image.new("RGB", (16, 16), color) for color in ("red", "blue"))
    path = saved(
        tmp_path / "x.jpg", first, "MPO", save_all=True, append_images=[second]
    )
    found = read_picture(path)
    assert found.kind == "JPEG" and found.pixels[0, 0, 0] > 200


def animated(kind):
    frames = [Image.fromarray(noise(8, 8, 3) // n) for n in (1, 2, 3)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


REFUSED = [
    (lambda: animated("PNG"), "x has 3 frames: it is animated; save one"),
    (lambda: animated("WEBP"), "x has 3 frames: it is animated; save one"),
    (lambda: animated("TIFF"), "x has 3 pages; save one"),
    (lambda: b"", "x is empty"),
    (lambda: b"text", "x is not a readable PNG, JPEG, WebP or TIFF image"),
    (lambda: raw_png(noise(64, 64, 3, dtype=np.uint16))[:5000], "x is damaged"),
]


@pytest.mark.parametrize(("content", "says"), REFUSED)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, content, says):
    (tmp_path / "x").write_bytes(content())
    with pytest.raises(BadImage, match=says):
        read_picture(tmp_path / "x", "x")


def test_other_colors_are_refused(tmp_path):
    for mode, says in (("CMYK", "in CMYK"), ("LAB", "of the kind 'LAB'")):
        path = saved(tmp_path / "x", Image.new(mode, (8, 8)), "TIFF")
        with pytest.raises(BadImage, match=says):
            read_picture(path)
    path = saved(tmp_path / "x", np.zeros((8, 8), np.float32), "TIFF")
    with pytest.raises(BadImage, match="of the kind 'F'"):
        read_picture(path)


def test_sizes_without_decoding(tmp_path):
    assert picture_size(saved(tmp_path / "x", noise(5, 9))) == (5, 9)
    (tmp_path / "x").write_bytes(b"text")
    assert picture_size(tmp_path / "x") is None
    assert picture_size(tmp_path / "none") is None


def test_a_failure_leaves_no_file(tmp_path):
    like = Picture(noise(8, 8, 3), None, "PNG")
    with pytest.raises(OSError, match="full"), written(tmp_path / "x", like, 8, 8, 3):
        raise OSError("full")
    assert not list(tmp_path.iterdir())


def test_more_pixels_than_a_file_can_hold(tmp_path):
    like = Picture(noise(8, 8, 3), None, "WEBP")
    with pytest.raises(ValueError, match=r"16,383 pixels per side.* 16,384 x 8"):
        written(tmp_path / "x", like, 16_384, 8, 3).__enter__()
