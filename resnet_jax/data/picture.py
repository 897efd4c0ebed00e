"""A picture with everything its file has, so that another can take its place."""

import dataclasses
import os
import struct
import sys
from typing import Any

import numpy as np

from resnet_jax.data.images import ORIENTATION, BadImage, opened

# Pillow keeps one byte of 16-bit colors. Decoded once more with the other byte order it
# keeps the other one.
_NATIVE = "L" if sys.byteorder == "little" else "B"
_OTHER = {"B": "L", "L": "B", "N": "B" if _NATIVE == "L" else "L"}


@dataclasses.dataclass(frozen=True)
class Picture:
    """A still picture, upright.

    Attributes:
        pixels: uint8 or uint16 [H, W, 1] or [H, W, 3], without alpha.
        alpha: of the same type, [H, W]; None where it has none.
        kind: of its file, 'PNG', 'JPEG', 'WEBP' or 'TIFF'.
        profile: its ICC color profile, as stored.
        exif: what the camera noted, without the orientation.
        lossless: whether its file keeps every pixel.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    kind: str
    profile: bytes | None = None
    exif: bytes = b""
    lossless: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]


def picture_size(file: str | os.PathLike) -> tuple[int, int] | None:
    """Height and width as stored, without decoding; None where it is no picture."""
    try:
        with opened(file) as image:
            return image.height, image.width
    except BadImage:
        return None


def read_picture(file: str | os.PathLike, name: str = "") -> Picture:
    """Decodes a PNG, JPEG, WebP or TIFF file with all that it has.

    Both depths stay, alpha too. Palettes become color, and pixels of one bit grey, as
    what a network makes of them is neither. It is turned upright by its EXIF
    orientation. Of a JPEG with several pictures, as telephones write them, the first is
    taken.

    Args:
        file: a path.
        name: what messages call the picture; its path by default.

    Raises:
        BadImage: a ValueError naming the file, see read_image; or it is animated or has
            several pages, is in CMYK, or has pixels of another kind than 8 and 16 bits.
    """
    name = name or os.fspath(file)
    with opened(file, name) as image:
        kind = {"MPO": "JPEG"}.get(image.format, image.format)
        _refuse(image, kind, name)
        profile = image.info.get("icc_profile") or None
        array = _deep(image, file, name) if _is_deep(image) else _pixels(image, name)
        orientation, exif = _exif(image, kind)
        lossless = kind in ("PNG", "TIFF") or (kind == "WEBP" and _is_vp8l(file))
    array = _upright(array, orientation)
    alpha = array.shape[2] in (2, 4)
    return Picture(
        pixels=array[..., :-1] if alpha else array,
        alpha=array[..., -1] if alpha else None,
        kind=kind,
        profile=profile,
        exif=exif,
        lossless=lossless,
    )


def _refuse(image: Any, kind: str, name: str) -> None:
    frames = getattr(image, "n_frames", 1) if kind != "JPEG" else 1
    if frames > 1:
        what = "pages" if kind == "TIFF" else "frames: it is animated"
        raise BadImage(f"{name} has {frames} {what}; save one of them as a still.")
    if image.mode == "CMYK":
        raise BadImage(
            f"{name} is in CMYK, the colors of a press, which only its profile can "
            "turn into others: save it as RGB first."
        )


def _pixels(image: Any, name: str) -> np.ndarray:
    """[H, W, 1 to 4], of 8 bits, or grey of 16."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise BadImage(f"{name} has pixels of 32 bits; expected 8 or 16.")
        return values.astype(np.uint16)[..., None]
    clear = "transparency" in image.info or image.mode in ("PA", "RGBa", "La")
    if image.mode in ("1", "L", "LA", "La"):
        image = image.convert("LA" if clear or image.mode == "LA" else "L")
    elif image.mode in ("P", "PA", "RGB", "RGBA", "RGBa", "YCbCr"):
        image = image.convert("RGBA" if clear or image.mode == "RGBA" else "RGB")
    else:
        raise BadImage(
            f"{name} has pixels of the kind '{image.mode}'; expected grey or RGB, of 8 "
            "or 16 bits."
        )
    array = np.array(image)
    return array[..., None] if array.ndim == 2 else array


def _is_deep(image: Any) -> bool:
    """Whether it has colors of 16 bits, of which Pillow would drop the lower byte."""
    depths = image.tag_v2.get(258, ()) if image.format == "TIFF" else ()
    deep = 16 in depths or ";16" in _rawmode(image)
    return deep and image.mode in ("RGB", "RGBA", "RGBa")


def _rawmode(image: Any) -> str:
    if not image.tile:
        return ""
    given = image.tile[0].args
    return str(given[0] if isinstance(given, tuple) else given)


def _deep(image: Any, file: str | os.PathLike, name: str) -> np.ndarray:
    """Colors of 16 bits, uint16 [H, W, C], from what is not decoded yet."""
    rawmode = _rawmode(image)
    if rawmode == "LA;16B":  # four bytes, which are all there as 'RGBA'
        _set_rawmode(image, "RGBA")
        bytes_ = np.array(image)
        return bytes_.view(">u2").astype(np.uint16)
    layers = len({tile.args[0] for tile in image.tile if isinstance(tile.args, tuple)})
    if layers > 1 or rawmode.partition(";")[0] not in ("RGB", "RGBA", "RGBX"):
        raise BadImage(
            f"{name} stores colors of 16 bits in layers, or multiplied by alpha: save "
            "it as a PNG of 16 bits first."
        )
    high = np.array(image)
    with opened(file, name) as again:
        _set_rawmode(again, rawmode[:-1] + _OTHER[rawmode[-1]])
        low = np.array(again)
    return (high.astype(np.uint16) << 8) | low


def _set_rawmode(image: Any, rawmode: str) -> None:
    """Has Pillow unpack the file's pixels in another way."""

    def changed(given):
        return (rawmode, *given[1:]) if isinstance(given, tuple) else rawmode

    image.tile = [tile._replace(args=changed(tile.args)) for tile in image.tile]


def _exif(image: Any, kind: str) -> tuple[int, bytes]:
    """The orientation, and the rest; what is damaged counts as missing."""
    try:
        exif = image.getexif()
        orientation = exif.pop(ORIENTATION, 1)
        kept = exif.tobytes() if len(exif) and kind != "TIFF" else b""
    except Exception:
        return 1, b""
    return orientation, kept


def _upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes how the camera was held: EXIF 2.3, section 4.6.4, tag Orientation."""
    if orientation in (5, 6, 7, 8):
        array = array.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def _is_vp8l(file: str | os.PathLike) -> bool:
    """Whether a WebP file is lossless: its pixels lie in a chunk 'VP8L'."""
    with open(file, "rb") as stream:
        stream.seek(12)
        while len(head := stream.read(8)) == 8:
            name, length = struct.unpack("<4sI", head)
            if name in (b"VP8 ", b"VP8L"):
                return name == b"VP8L"
            stream.seek(length + length % 2, os.SEEK_CUR)
    return False
