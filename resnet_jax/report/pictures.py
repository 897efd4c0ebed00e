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
from resnet_jax.report.text import number, short

MODES = ("L", "RGB", "RGBA")  # each can show what those before it can
_CAPTION = 18
_FONT = 12
# What a grid says in its PNG file: the width of its images, and from one to the next.
_COLUMN = "column"


def picture(image: np.ndarray | Image.Image) -> Image.Image:
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


def stored(image: np.ndarray) -> Image.Image:
    """An image for a file: the same values, uint8, or uint16 of one channel.

    Args:
        image: [H, W, C] with C 1, 3 or 4.
    """
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def grid(
    images: Sequence[np.ndarray] | Sequence[Image.Image] | np.ndarray,
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
    mode = max((tile.mode for tile in tiles), key=MODES.index)
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
    """A row per example, its pictures side by side; what else is known are captions.

    Args:
        shown: pictures [N, H, W, C], as `picture` takes, and values [N] by name. Names
            of several pictures stand above them. A value whose name is a picture's and
            more, such as 'output PSNR', stands under it, another one under the row.
    """
    columns = {name: x for name, x in shown.items() if x.ndim == 4}
    values = {name: x for name, x in shown.items() if x.ndim == 1}
    assert columns, "a strip needs pictures"
    if len(columns) == 1 and not values:
        return grid(next(iter(columns.values())))
    under: dict[str, dict[str, np.ndarray]] = {name: {} for name in ("", *columns)}
    for name, x in values.items():
        owner = max(
            (c for c in columns if name.startswith(f"{c} ")), key=len, default=""
        )
        under[owner][name.removeprefix(owner).strip()] = x
    rest = under.pop("")
    rows = []
    for i in range(len(next(iter(columns.values())))):
        row = grid([column[i] for column in columns.values()], len(columns))
        if any(under.values()):
            row = _lettered(row, [_said(each, i) for each in under.values()])
        rows.append(_lettered(row, [_said(rest, i)]) if rest else row)
    if len(columns) > 1:
        rows[0] = _lettered(rows[0], list(columns), above=True)
    return stack(rows)


def _said(values: Mapping[str, np.ndarray], i: int) -> str:
    """Names and values of an example."""
    return ", ".join(f"{name} {number(x[i])}" for name, x in values.items())


def _lettered(
    image: Image.Image, lines: Sequence[str], above: bool = False
) -> Image.Image:
    """An image with texts below or above it, each with its share of the width."""
    size = image.width, image.height + _CAPTION
    sheet = Image.new("RGB" if image.mode == "L" else image.mode, size, "white")
    sheet.paste(image.convert(sheet.mode), (0, _CAPTION if above else 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
    share, top = image.width // len(lines), 2 if above else image.height + 2
    for i, line in enumerate(lines):
        left = i * image.width // len(lines)
        draw.text((left + 1, top), _fit(draw, line, share), "black", font)
    return _with_columns_of(image, sheet)


def _with_columns_of(image: Image.Image, sheet: Image.Image) -> Image.Image:
    sheet.info[_COLUMN] = image.info.get(_COLUMN, "")
    return sheet


def stack(images: Sequence[Image.Image], gap: int = 2) -> Image.Image:
    """Images of any size, one below the other."""
    if len(images) == 1:
        return images[0]
    width = max(image.width for image in images)
    height = sum(image.height + gap for image in images) - gap
    mode = max((image.mode for image in images), key=MODES.index)
    sheet, top = Image.new(mode, (width, height), "white"), 0
    for image in images:
        sheet.paste(image.convert(mode), (0, top))
        top += image.height + gap
    return _with_columns_of(images[0], sheet)


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
