"""report.html: one file that shows a run, without a server, a script or the network."""

import math
from typing import Any

import jinja2
from etils import epath
from markupsafe import Markup
from PIL import Image

from resnet_jax.config import from_json
from resnet_jax.figures import Gallery, Matrix, Reliability, Table
from resnet_jax.files import read_json, write_bytes
from resnet_jax.report import metric, svg
from resnet_jax.report.exhibit import load_exhibits
from resnet_jax.report.history import History
from resnet_jax.report.pictures import over_time, small_data_uri
from resnet_jax.report.text import duration, number, plain, short

MAX_PICTURE_BYTES = 16_000_000
MAX_SAMPLES = 12
MAX_COLUMNS = 12


class Pictures:
    """Embeds pictures until the page would grow too large, and counts the others."""

    def __init__(self, budget: int = MAX_PICTURE_BYTES):
        self._budget = budget
        self.left_out = 0

    def uri(self, image: Image.Image | None) -> str | None:
        """The picture as a data URI; None where it is missing or has no room."""
        if image is None:
            return None
        uri = small_data_uri(image)
        if len(uri) > self._budget:
            self.left_out += 1
            return None
        self._budget -= len(uri)
        return uri


def write_page(workdir: epath.PathLike) -> epath.Path:
    """Writes report.html from the files of a run folder; what is missing is left out.

    Returns:
        Where the page is.
    """
    workdir = epath.Path(workdir)
    write_bytes(workdir / "report.html", render("page.html", **_content(workdir)))
    return workdir / "report.html"


def render(template: str, **content: Any) -> bytes:
    """A page of a template beside this file, with our style in it.

    What comes from outside is escaped, and free of control characters.
    """
    here = epath.Path(__file__).parent
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: plain(value) if type(value) is str else value,
    )
    environment.filters |= {"number": _number, "duration": duration, "short": short}
    environment.filters |= {"leaf": _leaf, "without": _without}
    environment.tests["section"] = lambda value: isinstance(value, dict) and bool(value)
    style = Markup((here / "page.css").read_text())  # ours, not a run's
    page = environment.from_string((here / template).read_text())
    return page.render(style=style, **content).encode(errors="replace")


def _content(workdir: epath.Path) -> dict[str, Any]:
    config = from_json(read_json(workdir / "config.json", {}))
    starts = read_json(workdir / "environment.json", [])
    starts = [start for start in starts if isinstance(start, dict)]
    start = starts[-1] if starts else {}
    rows = History(workdir / "metrics.jsonl").rows()
    points = metric.series(rows)
    last_step = int(max((row["step"] for row in rows), default=0))
    total = start.get("total_steps") or config.get("total_steps") or last_step
    pictures = Pictures()
    figures = _figures(workdir, pictures)
    inputs = pictures.uri(_open(workdir / "inputs.png"))
    changes = pictures.uri(_changes(workdir))
    samples, older = _samples(workdir, pictures)
    return {
        "title": start.get("title") or workdir.name,
        "start": start,
        "starts": starts,
        "hardware": _hardware(start),
        "last_step": last_step,
        "total_steps": total,
        "main": _main(config, points),
        "metrics": [metric.summarize(*item) for item in points.items()],
        "charts": _charts(points),
        "figures": figures,
        "changes": changes,
        "samples": samples,
        "older_samples": older,
        "inputs": inputs,
        "left_out": pictures.left_out,
        "timings": _timings(workdir),
        "config": config,
    }


def _main(config: dict, points: dict[str, metric.Points]) -> metric.Metric | None:
    """The one number of the run: config.best, else the first evaluated metric."""
    best = config.get("best")
    if isinstance(best, tuple) and len(best) == 2 and best[0] in points:
        return metric.summarize(best[0], points[best[0]], best[1])
    for name in points:
        if metric.is_result(name) and metric.direction(name):
            return metric.summarize(name, points[name])
    return None


def _charts(points: dict[str, metric.Points]) -> list[Markup]:
    drawn = []
    for quantity, members in metric.charts(points).items():
        title = quantity.replace("_", " ").capitalize()
        share = False if metric.direction(quantity) == "max" else None
        drawn.append(Markup(svg.line_chart(members, title, logarithmic=share)))
    return drawn


def _figures(workdir: epath.Path, pictures: Pictures) -> list[dict[str, Any]]:
    shown = []
    for exhibit in load_exhibits(workdir / "figures"):
        item: dict[str, Any] = {
            "title": exhibit.name.replace("_", " ").replace("/", " · ").capitalize(),
            "step": exhibit.step,
        }
        match exhibit.figure:
            case Matrix():
                item |= {"kind": "matrix", "svg": Markup(svg.heat_map(exhibit.figure))}
            case Reliability():
                chart = svg.reliability_diagram(exhibit.figure)
                item |= {"kind": "chart", "svg": Markup(chart)}
            case Table(columns, rows):
                bars = [
                    _is_share([row[i : i + 1] for row in rows])
                    for i in range(len(columns))
                ]
                item |= {
                    "kind": "table",
                    "columns": columns,
                    "rows": rows,
                    "bars": bars,
                }
            case Gallery(_, _, captions):
                uris = [pictures.uri(image) for image in exhibit.pictures]
                uris += [None] * (len(captions) - len(uris))
                item |= {
                    "kind": "gallery",
                    "pairs": list(zip(uris, captions, strict=True)),
                }
        shown.append(item)
    return shown


def _is_share(cells: list[tuple]) -> bool:
    values = [cell[0] for cell in cells if cell and cell[0] is not None]
    floats = [value for value in values if isinstance(value, float)]
    return (
        bool(floats)
        and len(floats) == len(values)
        and 0 <= min(floats) <= max(floats) <= 1
    )


def _samples(workdir: epath.Path, pictures: Pictures) -> tuple[list[dict], int]:
    folder = workdir / "samples"
    paths = sorted(folder.glob("*.png"), reverse=True) if folder.exists() else []
    shown = []
    for path in paths[:MAX_SAMPLES]:
        if uri := pictures.uri(_open(path)):
            step = f"step {int(path.stem):,}" if path.stem.isdigit() else path.stem
            shown.append({"uri": uri, "caption": step})
    return shown, max(0, len(paths) - MAX_SAMPLES)


def _changes(workdir: epath.Path) -> Image.Image | None:
    """Of the first and the last grid of samples, and of some between them."""
    folder = workdir / "samples"
    paths = sorted(folder.glob("*.png")) if folder.exists() else []
    paths = [path for path in paths if path.stem.isdigit()]
    count = min(len(paths), MAX_COLUMNS)
    chosen = [paths[i * (len(paths) - 1) // max(count - 1, 1)] for i in range(count)]
    opened = {int(path.stem): _open(path) for path in chosen}
    return over_time({step: image for step, image in opened.items() if image})


def _timings(workdir: epath.Path) -> list[dict[str, Any]]:
    stored = read_json(workdir / "timings.json", {})
    timings = [{"name": k, **v} for k, v in stored.items() if isinstance(v, dict)]
    longest = max((t["seconds"] for t in timings), default=0)
    return [t | {"share": t["seconds"] / longest if longest else 0} for t in timings]


def _hardware(start: dict) -> str:
    if "device" not in start:
        return ""
    text = f"{start['devices']} × {start['device']}"
    if start.get("platform") == "cpu":
        text = f"CPU with {start.get('cpus')} cores"
    processes = start.get("processes", 1)
    return text + (f", {processes} processes" if processes > 1 else "")


def _open(path: epath.Path) -> Image.Image | None:
    try:
        with path.open("rb") as file, Image.open(file) as image:
            image.load()
            return image.copy()
    except (FileNotFoundError, OSError, SyntaxError):
        return None


def _leaf(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_leaf, value)) or "none"
    return (
        str(value).lower() if value is None or isinstance(value, bool) else str(value)
    )


def _without(section: dict, *names: str) -> dict:
    return {key: value for key, value in section.items() if key not in names}


def _number(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return short(value)
