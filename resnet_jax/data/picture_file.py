"""Pictures written in rows, from top to bottom, so that large ones take no memory."""

import contextlib
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np

from resnet_jax.data.picture import Picture
from resnet_jax.files import replacing

Write = Callable[[np.ndarray], None]
BLOCK = 1_000_000  # bytes that are filtered at once
QUALITY = 95  # of lossy files
LEVEL = 3  # of PNG: twice as fast as zlib's 6, and photographs grow by 2 %
MOST = {"JPEG": 65_535, "WEBP": 16_383}  # pixels per side


@contextlib.contextmanager
def written(
    path: str | os.PathLike, like: Picture, height: int, width: int, channels: int
) -> Iterator[Write]:
    """A file of the kind, depth, ICC profile and EXIF of another picture.

    JPEG, and WebP that was lossy, are written at quality 95 without chroma
    subsampling. A profile for another number of channels is left out.

    Args:
        path: of the new file, which is there, whole, when the block ends.
        like: the other picture.
        height, width, channels: of the new one; 2 and 4 channels hold alpha last.

    Yields:
        A function that takes rows [h, width, channels] of like.pixels' type.

    Raises:
        ValueError: the kind of file cannot hold so many pixels.
        OSError: it cannot be written.
    """
    most = MOST.get(like.kind)
    if most and max(height, width) > most:
        raise ValueError(
            f"a {like.kind} file holds at most {most:,} pixels per side, and the "
            f"result has {height:,} x {width:,}: save the image as PNG first."
        )
    same = like.pixels.shape[2] == (channels - 1) // 2 * 2 + 1
    profile = like.profile if same else None
    shape = height, width, channels
    with replacing(path) as file:
        writers: dict[str, Any] = {"PNG": _Png, "TIFF": _Tiff}
        writer = writers.get(like.kind, _Canvas)(file, shape, like, profile)
        yield writer.write
        writer.close()


class _Png:
    """PNG (Third Edition, W3C 2025), each row filtered by Paeth's predictor."""

    def __init__(self, file: IO[bytes], shape, like: Picture, profile: bytes | None):
        height, width, channels = shape
        depth = 8 * like.pixels.itemsize
        self._file, self._pixel = file, channels * like.pixels.itemsize
        self._packer = zlib.compressobj(LEVEL)
        self._above = np.zeros((1, width * self._pixel), np.uint8)
        color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
        file.write(b"\x89PNG\r\n\x1a\n")
        self._chunk(
            b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
        )
        if profile:
            self._chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
        if like.exif:
            self._chunk(b"eXIf", like.exif.removeprefix(b"Exif\0\0"))

    def write(self, rows: np.ndarray) -> None:
        rows = rows.astype(rows.dtype.newbyteorder(">"), copy=False)
        plain = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
        step = max(1, BLOCK // plain.shape[1])
        for start in range(0, len(plain), step):
            block = plain[start : start + step]
            packed = self._packer.compress(self._filtered(block).tobytes())
            if packed:
                self._chunk(b"IDAT", packed)

    def close(self) -> None:
        self._chunk(b"IDAT", self._packer.flush())
        self._chunk(b"IEND", b"")

    def _filtered(self, rows: np.ndarray) -> np.ndarray:
        """Rows minus their prediction, the filter's number before each."""
        above = np.concatenate([self._above, rows[:-1]]).astype(np.int16)
        self._above = rows[-1:].copy()
        pad = ((0, 0), (self._pixel, 0))
        left = np.pad(rows, pad)[:, : rows.shape[1]].astype(np.int16)
        corner = np.pad(above, pad)[:, : rows.shape[1]]
        by_left, by_above = np.abs(above - corner), np.abs(left - corner)
        by_corner = np.abs(left + above - 2 * corner)
        guess = np.where(by_above <= by_corner, above, corner)
        first = (by_left <= by_above) & (by_left <= by_corner)
        guess = np.where(first, left, guess).astype(np.uint8)
        return np.pad(rows - guess, ((0, 0), (1, 0)), constant_values=4)

    def _chunk(self, name: bytes, body: bytes) -> None:
        check = struct.pack(">I", zlib.crc32(name + body))
        self._file.write(struct.pack(">I", len(body)) + name + body + check)


class _Tiff:
    """TIFF (Revision 6.0, Adobe 1992) in strips, differences deflated."""

    def __init__(self, file: IO[bytes], shape, like: Picture, profile: bytes | None):
        self._file, self._shape, self._profile = file, shape, profile
        self._type = like.pixels.dtype.newbyteorder("<")
        row = shape[1] * shape[2] * self._type.itemsize
        self._height = max(1, BLOCK // row)
        self._waiting: list[np.ndarray] = []
        self._strips: list[tuple[int, int]] = []
        file.write(b"II*\0" + bytes(4))

    def write(self, rows: np.ndarray) -> None:
        rows = np.concatenate([*self._waiting, rows])
        whole = len(rows) // self._height * self._height
        for start in range(0, whole, self._height):
            self._strip(rows[start : start + self._height])
        self._waiting = [rows[whole:].copy()]

    def _strip(self, rows: np.ndarray) -> None:
        apart = rows.copy()
        apart[:, 1:] -= rows[:, :-1]
        packed = zlib.compress(apart.astype(self._type, copy=False).tobytes())
        self._strips.append((self._file.tell(), len(packed)))
        self._file.write(packed + bytes(len(packed) % 2))

    def close(self) -> None:
        if self._waiting and len(self._waiting[0]):
            self._strip(self._waiting[0])
        height, width, channels = self._shape
        offsets, lengths = zip(*self._strips, strict=True)
        if offsets[-1] + lengths[-1] >= 2**32 - 2**20:
            raise ValueError("a TIFF file holds at most 4 GiB: save it as PNG first.")
        tags: list[tuple[int, str, tuple[int, ...] | bytes]] = [
            (256, "I", (width,)),
            (257, "I", (height,)),
            (258, "H", (8 * self._type.itemsize,) * channels),
            (259, "H", (8,)),  # deflated
            (262, "H", (1 if channels < 3 else 2,)),  # black is zero; RGB
            (273, "I", offsets),
            (277, "H", (channels,)),
            (278, "I", (self._height,)),
            (279, "I", lengths),
            (284, "H", (1,)),  # channels side by side
            (317, "H", (2,)),  # differences
        ]
        if channels in (2, 4):
            tags.append((338, "H", (2,)))  # alpha, colors not multiplied by it
        if self._profile:
            tags.append((34675, "B", self._profile))
        self._directory(tags)

    def _directory(self, tags) -> None:
        types = {"B": 7, "H": 3, "I": 4}
        entries = []
        for number, code, values in tags:
            body = (
                bytes(values)
                if code == "B"
                else struct.pack(f"<{len(values)}{code}", *values)
            )
            place = body.ljust(4, b"\0")
            if len(body) > 4:
                place = struct.pack("<I", self._file.tell())
                self._file.write(body + bytes(len(body) % 2))
            entries.append(
                struct.pack("<HHI", number, types[code], len(values)) + place
            )
        start = self._file.tell()
        self._file.write(struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4))
        self._file.seek(4)
        self._file.write(struct.pack("<I", start))


class _Canvas:
    """Any kind, by Pillow, which needs it whole."""

    def __init__(self, file: IO[bytes], shape, like: Picture, profile: bytes | None):
        from PIL import Image

        height, width, channels = shape
        modes = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
        self._image = Image.new(modes[channels], (width, height))
        self._file, self._top, self._like = file, 0, like
        self._options: dict[str, Any] = {"icc_profile": profile}

    def write(self, rows: np.ndarray) -> None:
        from PIL import Image

        grey = rows.shape[2] == 1
        part = Image.fromarray(rows[..., 0] if grey else np.ascontiguousarray(rows))
        self._image.paste(part, (0, self._top))
        self._top += len(rows)

    def close(self) -> None:
        options = self._options | {"quality": QUALITY}
        if self._like.exif:
            options["exif"] = self._like.exif
        if self._like.kind == "JPEG":
            options["subsampling"] = 0
        else:
            options |= {"lossless": self._like.lossless, "exact": True}
        self._image.save(self._file, self._like.kind, **options)
