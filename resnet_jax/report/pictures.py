"""Arrays as pictures: grids of images, PNG files, data URIs."""

import base64
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from etils import epath
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from resnet_jax.data.images import with_depth
from resnet_jax.files import write_bytes
from resnet_jax.report.text import short

_CAPTION = 18
_FONT = 12
# What a grid says in its PNG file: the width of its images, and from one to the next.
_COLUMN = "column"


def picture(image: np.ndarray) -> Image.Image:
    """An image for people.

    Args:
        image: [H, W, C] (or [H, W]), uint8, uint16 over its whole range, bool, or
            float in [0, 1]. One channel is gray, three are color, four have alpha;
            of any other number the first one or three are shown.
    """
    image = np.asarray(image)
    if image.dtype == np.uint16:
        image = with_depth(image, np.uint8)
    elif image.dtype != np.uint8:
        unit = np.nan_to_num(image.astype(np.float32), posinf=1.0)
        image = np.rint(np.clip(unit, 0.0, 1.0) * 255).astype(np.uint8)
    if image.ndim == 2 or image.shape[2] < 3:
        return Image.fromarray(image if image.ndim == 2 else image[..., 0])
    return Image.fromarray(image[..., : 4 if image.shape[2] == 4 else 3])


def grid(
    images: Sequence[np.ndarray] | np.ndarray,
    columns: int | None = None,
    *,
    captions: Sequence[str] | None = None,
    smallest: int = 64,
    gap: int = 2,
) -> Image.Image:
    """Lays images out in rows.

    Args:
        images: [N, H, W, C], or a sequence of images of any sizes, as `picture` takes.
        columns: images per row; None: about as many as rows.
        captions: a line under each image.
        smallest: smaller images are enlarged by a whole factor to about this many
            pixels, without smoothing.
        gap: pixels between images.
    """
    tiles = [_enlarge(picture(image), smallest) for image in images]
    assert tiles, "a grid needs an image"
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    mode = max((tile.mode for tile in tiles), key=["L", "RGB", "RGBA"].index)
    width = max(tile.width for tile in tiles)
    height = max(tile.height for tile in tiles)
    step_x, step_y = width + gap, height + gap + (_CAPTION if captions else 0)
    rows = math.ceil(len(tiles) / columns)
    size = columns * step_x - gap, rows * step_y - gap
    sheet = Image.new("RGB" if mode == "L" and captions else mode, size, "white")
    draw = ImageDraw.Draw(sheet)
    for i, tile in enumerate(tiles):
        left, top = i % columns * step_x, i // columns * step_y
        corner = left + (width - tile.width) // 2, top + (height - tile.height) // 2
        sheet.paste(tile.convert(sheet.mode), corner)
        if captions:
            line = _fit(draw, captions[i], width)
            draw.text(
                (left + 1, top + height + 2),
                line,
                "black",
                ImageFont.load_default(_FONT),
            )
    sheet.info[_COLUMN] = f"{width} {step_x}"
    return sheet


def strip(shown: Mapping[str, np.ndarray]) -> Image.Image:
    """A row per example, its pictures side by side; what else is known is the caption.

    Args:
        shown: pictures [N, H, W, C], as `picture` takes, and values [N] by name.
    """
    columns = [x for x in shown.values() if x.ndim == 4]
    values = {name: x for name, x in shown.items() if x.ndim == 1}
    assert columns, "a strip needs pictures"
    tiles, captions = [], []
    for i in range(len(columns[0])):
        tiles += [column[i] for column in columns]
        caption = ", ".join(f"{name} {x[i]}" for name, x in values.items())
        captions += [caption, *[""] * (len(columns) - 1)]
    wide = len(columns) if len(columns) > 1 else None
    return grid(tiles, wide, captions=captions if values else None)


def over_time(grids: Mapping[int, Image.Image]) -> Image.Image | None:
    """A column of each grid side by side, the steps under them.

    It is the first column that is not the same in the first and the last grid: where
    the first shows what a network was given, the one that shows what it made of it.

    Args:
        grids: what `grid` made of the same examples, or files of it, by step.

    Returns:
        None where there are fewer than two, of several layouts, or all the same.
    """
    steps = sorted(grids)
    layouts = {(sheet.size, sheet.info.get(_COLUMN, "")) for sheet in grids.values()}
    if len(steps) < 2 or len(layouts) > 1:
        return None
    [((right, bottom), column)] = layouts
    width, pitch = map(int, column.split() or (right, right))
    for left in range(0, right, pitch):
        box = (left, 0, left + width, bottom)
        columns = [grids[step].crop(box) for step in steps]
        if columns[0] != columns[-1]:
            captions = [f"{step:,}" for step in steps]
            arrays = [np.asarray(column) for column in columns]
            return grid(arrays, len(arrays), captions=captions, smallest=1)
    return None


def save_png(path: epath.PathLike, image: Image.Image) -> None:
    """Writes a PNG file in one move."""
    write_bytes(path, _encode(image, "PNG"))


def small_data_uri(image: Image.Image, limit: int = 1_000_000) -> str:
    """The picture inside an address, for a page without further files.

    It is a PNG, and a JPEG of at most 1600 pixels where that is larger than `limit`
    bytes.
    """
    data = _encode(image, "PNG")
    if len(data) <= limit:
        return "data:image/png;base64," + base64.b64encode(data).decode()
    image = image.convert("RGB")
    image.thumbnail((1600, 1600))
    return "data:image/jpeg;base64," + base64.b64encode(_encode(image, "JPEG")).decode()


def _encode(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    about = PngInfo()
    if _COLUMN in image.info:
        about.add_text(_COLUMN, image.info[_COLUMN])
    image.save(buffer, kind, pnginfo=about)
    return buffer.getvalue()


def _enlarge(image: Image.Image, smallest: int) -> Image.Image:
    factor = max(1, round(smallest / max(image.size)))
    size = image.width * factor, image.height * factor
    return image.resize(size, Image.Resampling.NEAREST)


def _fit(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    font = ImageFont.load_default(_FONT)
    text = short(text, 200)
    line = text
    while line and draw.textlength(line, font) > width:
        text = text[:-1]
        line = text + "…" if text else ""
    return line
