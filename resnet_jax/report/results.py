"""The README's table of results, made from configs/results/*.json.

`python -m resnet_jax.report.results` at the top of a checkout writes it anew.
"""

import json
import pathlib
import re
import statistics
from collections.abc import Mapping
from typing import Any

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
# Words in the names of metrics that are shares of one.
SHARES = {"accuracy", "precision", "recall", "f1", "auroc", "coverage"}
COLUMNS = ("config", "metric", "published", "ours", "hardware", "minutes", "commit")


def read_result(path: pathlib.Path) -> dict[str, Any]:
    """One file, its mean, sd (of the sample) and n checked against its runs.

    Raises:
        ValueError: they are not those of the runs.
    """
    result = json.loads(path.read_text())
    values = [run["value"] for run in result["runs"]]
    wanted = {
        "n": len(values),
        "mean": statistics.fmean(values) if values else None,
        "sd": statistics.stdev(values) if len(values) > 1 else None,
    }
    for key, value in wanted.items():
        if not _close(result[key], value):
            raise ValueError(
                f"{path.name} says {key} {result[key]} and its runs have {value}; "
                "correct it."
            )
    return result


def results_table(folder: pathlib.Path) -> str:
    """The results in a folder as a Markdown table, a row per config or variant.

    Args:
        folder: of <config>.json and <config>-<variant>.json files; one without runs
            reads "not yet run".

    Raises:
        ValueError: a file contradicts itself.
    """
    files = sorted(folder.glob("*.json"), key=lambda file: _natural(file.stem))
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(_row(read_result(f)) for f in files)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_table(readme: str, table: str) -> str:
    """A README with the text between its two markers replaced."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _row(result: Mapping[str, Any]) -> list[str]:
    name, minutes, commit = (result[key] for key in ("config", "minutes", "commit"))
    metric = result["metric"]
    return [
        f"[{name}](configs/{name.partition(':')[0]}.py)",
        metric,
        _published(**result["published"], metric=metric),
        _ours(result),
        result["hardware"] or "",
        f"{minutes:.3g}" if minutes else "",
        commit[:7] if commit else "",
    ]


def _ours(result: Mapping[str, Any]) -> str:
    if not result["runs"]:
        return "not yet run"
    scale, unit = _unit(result["metric"])
    spread = f" ± {scale * result['sd']:.2f}" if result["n"] > 1 else ""
    return f"{scale * result['mean']:.2f}{spread}{unit}, n = {result['n']}"


def _published(value: float | None, source: str, metric: str) -> str:
    scale, unit = _unit(metric)
    return source if value is None else f"{scale * value:.2f}{unit} ({source})"


def _unit(metric: str) -> tuple[int, str]:
    """Shares are told in percent, distances and losses as they are."""
    share = SHARES & set(metric.rpartition("/")[2].split("_"))
    return (100, " %") if share else (1, "")


def _close(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else abs(a - b) < 1e-6


def _natural(name: str) -> list[tuple[str, int]]:
    return [(text, int(d or 0)) for text, d in re.findall(r"(\D+)(\d*)", name)]


if __name__ == "__main__":
    readme = pathlib.Path("README.md")
    text = with_table(
        readme.read_text(), results_table(pathlib.Path("configs/results"))
    )
    readme.write_text(text)
