"""The result of an evaluation: what is printed and what is written."""

import csv
import io
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

from etils import epath

from resnet_jax.data import Evaluations
from resnet_jax.figures import Figure, Gallery, Table
from resnet_jax.files import write_bytes, write_json
from resnet_jax.report import write_page
from resnet_jax.report.environment import environment
from resnet_jax.report.exhibit import save_exhibit
from resnet_jax.report.pictures import save_png
from resnet_jax.verbs.robustness import Kinds, as_table, samples
from resnet_jax.verbs.table import warn


class Evaluation(dict):
    """What was judged, how, and its metrics; printed as a table."""

    def __init__(
        self,
        source: str,
        step: int | None,
        protocol: str,
        metrics: Mapping[str, float],
    ):
        finite = {k: v if math.isfinite(v) else None for k, v in metrics.items()}
        known = {} if step is None else {"step": step}
        super().__init__(source=source, **known, protocol=protocol, metrics=finite)

    def __str__(self) -> str:
        step = {"step": self["step"]} if "step" in self else {}
        rows: dict[str, Any] = {**step, **self["metrics"]}
        width = max(map(len, rows))
        lines = [f"{name:{width}}  {_shown(value)}" for name, value in rows.items()]
        if "robustness" in self:
            lines += ["", str(as_table(self["robustness"]))]
        return "\n".join([*lines, "", self["protocol"]])


def save(
    result: Evaluation,
    figures: Mapping[str, Figure],
    data: Evaluations,
    kinds: Kinds,
    folder: epath.Path | pathlib.Path,
    stem: str,
    seed: int,
    page: bool,
) -> None:
    """Writes an evaluation; a folder that cannot be written to is a warning.

    Args:
        result: of the evaluation.
        figures: of it; the tables become <stem>-<name>.csv.
        data: whose pictures the galleries show.
        kinds: the corruptions, of which a picture is made.
        folder: where to.
        stem: the files' names begin with it.
        seed: of the corruptions.
        page: write report.html too.
    """
    try:
        _write(folder / f"{stem}.json", json.dumps(result, indent=2))
        for name, figure in figures.items():
            if isinstance(figure, Table):
                tail = "" if len(data.evals) == 1 else f"-{name.partition('/')[0]}"
                _write(folder / f"{stem}{tail}.csv", as_csv(figure))
        if kinds:
            picture = samples(data, kinds, seed)
            save_png(folder / f"{stem}-corruptions.png", picture)
        if page and kinds:
            save_png(folder / "samples" / "corruptions.png", picture)
            table = as_table(result["robustness"])
            rows = tuple(tuple(row.values()) for row in table)
            figures = {**figures, "corruptions": Table(tuple(table[0]), rows)}
        if page:
            _page(result, figures, data, folder)
    except OSError as error:
        warn(f"{stem}.json could not be written to '{folder}' ({error.strerror}).")


def _page(result, figures, data, folder) -> None:
    """report.html, with the same parts as that of a run."""
    step = result.get("step", 0)
    facts = {"source": result["source"], "protocol": result["protocol"]}
    start = {"title": result["source"], "total_steps": step, "facts": facts}
    write_json(folder / "environment.json", [start | environment()])
    row = json.dumps({"step": step, **result["metrics"]})
    _write(folder / "metrics.jsonl", row + "\n")
    for name, figure in figures.items():
        gallery = isinstance(figure, Gallery)
        images = data.pictures(figure.evaluation, figure.indices) if gallery else ()
        save_exhibit(folder / "figures", name, step, figure, images)
    write_page(folder)


def _shown(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def as_csv(table: Table) -> str:
    """The table with its headings, nothing in place of NaN."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow("" if cell != cell else cell for cell in row)
    return file.getvalue()


def _write(path: epath.Path | pathlib.Path, text: str) -> None:
    write_bytes(path, text.encode(errors="replace"))
