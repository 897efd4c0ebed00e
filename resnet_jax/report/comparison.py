"""gallery.html: pictures before and after, in one file that loads nothing."""

import dataclasses
from collections.abc import Sequence

from etils import epath
from PIL import Image

from resnet_jax.files import write_bytes
from resnet_jax.report.page import Pictures, render

MOST = 100  # pictures on one page


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One picture before and after.

    Attributes:
        title: its name.
        note: what is worth knowing of it.
        shown: what is seen side by side, by caption: of the whole first, then of a
            part.
    """

    title: str
    note: str
    shown: dict[str, Image.Image]


def write_gallery(
    path: epath.PathLike, title: str, subtitle: str, found: Sequence[Comparison]
) -> None:
    """Writes the page; pictures for which it has no room are counted on it.

    Args:
        path: of the page.
        title, subtitle: what was done, with what.
        found: of each picture.
    """
    pictures = Pictures()
    shown = []
    for each in found[:MOST]:
        uris = {caption: pictures.uri(image) for caption, image in each.shown.items()}
        if all(uris.values()):
            shown.append({"title": each.title, "note": each.note, "pictures": uris})
    content = {"title": title, "subtitle": subtitle, "shown": shown}
    page = render("gallery.html", **content, left_out=len(found) - len(shown))
    write_bytes(path, page)
