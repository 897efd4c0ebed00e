import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from resnet_jax.data.images import BadImage, read_image, with_depth


def encoded(array, kind="PNG", **options):
    file = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(file, kind, **options)
    return file.getvalue()


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)


def png_chunk(kind, body):
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def png_bomb(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(999)))
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_lossless_formats_round_trip(kind):
    x = noise(7, 5, 3)
    data = encoded(x, kind, **({"lossless": True} if kind == "WEBP" else {}))
    np.testing.assert_array_equal(read_image(data), x)


def test_jpeg_is_close():
    x = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None] * 3, (64, 64, 3))
    assert np.abs(read_image(encoded(x, "JPEG", quality=95)).astype(int) - x).max() < 6


def test_size_hint_decodes_a_smaller_jpeg():
    data = encoded(noise(256, 128, 3), "JPEG")
    assert read_image(data, size_hint=30).shape == (64, 32, 3)


def test_grey_becomes_color_and_color_grey():
    x = noise(4, 6)
    grey = read_image(encoded(x), 1)
    np.testing.assert_array_equal(grey, x[..., None])
    np.testing.assert_array_equal(read_image(encoded(x)), np.repeat(grey, 3, -1))
    assert read_image(encoded(noise(4, 6, 3)), 1).shape == (4, 6, 1)


def test_alpha_is_dropped_or_kept():
    x = noise(4, 6, 4)
    np.testing.assert_array_equal(read_image(encoded(x), 4), x)
    np.testing.assert_array_equal(read_image(encoded(x)), x[..., :3])


def test_transparent_palette():
    image = Image.fromarray(noise(4, 6, 3)).quantize(8)
    data = encoded(image, transparency=bytes(range(8)))
    np.testing.assert_array_equal(read_image(data), np.asarray(image.convert("RGB")))


def test_cmyk():
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red = read_image(encoded(image, "JPEG", quality=95)).mean((0, 1))
    assert red[0] > 200 and red[1] < 60 and red[2] < 60


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits(kind, channels):
    x = noise(4, 6, dtype=np.uint16)
    image = read_image(encoded(x, kind), channels)
    assert image.dtype == np.uint16 and image.shape == (4, 6, channels)
    np.testing.assert_array_equal(image[..., 0], x)
    if channels == 4:
        assert (image[..., 3] == 65535).all()


def test_the_two_depths_are_inverse_and_keep_black_and_white():
    bytes_ = np.arange(256, dtype=np.uint8)
    words = with_depth(bytes_, "uint16")
    assert words.dtype == np.uint16 and words[-1] == 65535
    np.testing.assert_array_equal(with_depth(words, np.uint8), bytes_, strict=True)
    assert with_depth(words, np.uint16) is words


def test_float_pixels_are_refused():
    with pytest.raises(BadImage, match="floating-point"):
        read_image(encoded(noise(4, 4).astype(np.float32), "TIFF"))


def test_exif_orientation_is_honored():
    image = Image.fromarray(noise(4, 6, 3))
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    upright = read_image(encoded(image, exif=exif))
    np.testing.assert_array_equal(upright, np.rot90(np.asarray(image), -1))


def test_paths_and_names(tmp_path):
    x, path = noise(4, 6, 3), tmp_path / "a.png"
    path.write_bytes(encoded(x))
    np.testing.assert_array_equal(read_image(path), x)
    with pytest.raises(BadImage, match=r"b\.png cannot be read: No such file"):
        read_image(tmp_path / "b.png")
    with pytest.raises(BadImage, match="cannot be read: Is a directory"):
        read_image(tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_cut_off_files_are_refused_by_name(tmp_path, kind, part):
    data = encoded(noise(64, 64, 3), kind)
    path = tmp_path / "cut"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BadImage, match=str(path)):
        read_image(path)


def test_damaged_png_is_refused():
    data = bytearray(encoded(noise(64, 64, 3)))
    data[len(data) // 2] ^= 1
    with pytest.raises(BadImage, match=r"x\.png is damaged"):
        read_image(bytes(data), name="x.png")


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(100), b"<html>", bytes(50)])
def test_what_is_no_image_is_refused(tmp_path, data):
    path = tmp_path / "x.png"
    path.write_bytes(data)
    for file, name in ((path, str(path)), (data, "the image")):
        with pytest.raises(BadImage, match=name):
            read_image(file)


@pytest.mark.parametrize("side", [7_800, 10_000, 20_000, 2**31 - 1])
@pytest.mark.parametrize("action", ["error", "default"])
def test_bombs_are_refused_by_their_header(side, action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        with pytest.raises(BadImage, match=r"bomb.png .*50,?000,?000"):
            read_image(png_bomb(side, side), name="bomb.png")
    assert not caught


def test_corrupt_exif_is_no_error():
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\xff" + bytes(20)
    assert read_image(encoded(noise(8, 8, 3), "JPEG", exif=exif)).shape == (8, 8, 3)


def test_channels_are_checked():
    with pytest.raises(ValueError, match="channels must be 1, 3 or 4, not 2"):
        read_image(encoded(noise(4, 4, 3)), 2)


def test_channels_of_the_file():
    palette = Image.fromarray(noise(4, 6, 3)).quantize(8)
    wide = noise(4, 6, dtype=np.uint16)
    cases = [
        (noise(4, 6), {}, 1),
        (noise(4, 6) > 99, {}, 1),
        (wide, {}, 1),
        (noise(4, 6, 3), {}, 3),
        (noise(4, 6, 4), {}, 4),
        (noise(4, 6, 2), {}, 4),
        (palette, {}, 3),
        (palette, {"transparency": 2}, 4),
        (Image.new("CMYK", (6, 4)), {"kind": "TIFF"}, 3),
    ]
    for image, options, channels in cases:
        found = read_image(encoded(image, **options), None)
        assert found.shape == (4, 6, channels)
    np.testing.assert_array_equal(read_image(encoded(wide), None)[..., 0], wide)
