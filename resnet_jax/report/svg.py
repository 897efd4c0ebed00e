"""Charts as inline SVG: no library, no script; the page's style sheet sets the colors.

Colors are CSS variables with fallbacks, so that a dark page gets dark charts.
"""

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np

from resnet_jax.figures import Matrix, Reliability
from resnet_jax.report.text import number, short

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 480, 290
LEFT, RIGHT, BOTTOM = 50, 466, 246
COLORS = ("#2f6fb0", "#d9722e", "#3d9461", "#8e5bb5", "#b8932a", "#5f7a8a")
MAX_POINTS = 600
MAX_CLASSES = 100


def line_chart(
    series: Mapping[str, Points],
    title: str,
    x_label: str = "step",
    y_label: str = "",
    *,
    logarithmic: bool | None = None,
) -> str:
    """Curves over a common axis.

    Non-finite values are gaps; long series are thinned to their extremes.

    Args:
        series: (x, y) points in order, by name.
        title: above the chart.
        x_label, y_label: what the axes measure.
        logarithmic: the vertical axis; None: where all values are positive and the
            largest is 50 times the smallest.
    """
    good = [(x, y) for points in series.values() for x, y in points if _finite(x, y)]
    xs, ys = [x for x, _ in good] or [0, 1], [y for _, y in good] or [0, 1]
    wide = min(ys) > 0 and max(ys) / min(ys) >= 50
    logarithmic = wide if logarithmic is None else logarithmic and min(ys) > 0
    legend, top = _legend(series)
    to_x = _axis(min(xs), max(xs), LEFT, RIGHT, False)
    y_ticks = _log_ticks(min(ys), max(ys)) if logarithmic else ticks(min(ys), max(ys))
    low, high = min([*ys, *y_ticks]), max([*ys, *y_ticks])
    to_y = _axis(low, high, BOTTOM, top, logarithmic)
    parts = [_text(0, 16, title, "t"), *legend]
    parts += [_text(RIGHT, 16, y_label, "m", "end")] if y_label else []
    for tick in y_ticks:
        parts.append(f'<path class="g" d="M{LEFT} {to_y(tick):.1f}H{RIGHT}"/>')
        parts.append(_text(LEFT - 8, to_y(tick) + 4, _tick(tick), "m", "end"))
    for tick in [t for t in ticks(min(xs), max(xs)) if min(xs) <= t <= max(xs)]:
        parts.append(_text(to_x(tick), BOTTOM + 18, _tick(tick), "m", "middle"))
    parts.append(f'<path class="a" d="M{LEFT} {BOTTOM}H{RIGHT}"/>')
    note = f"{x_label} · logarithmic scale" if logarithmic else x_label
    parts.append(_text(RIGHT, BOTTOM + 36, note, "m", "end"))
    if not good:
        parts.append(_text((LEFT + RIGHT) / 2, 150, "no finite values", "m", "middle"))
    for i, (name, points) in enumerate(series.items()):
        parts.append(_curve(name, points, to_x, to_y, i))
    return _svg(WIDTH, HEIGHT, title, parts)


def heat_map(matrix: Matrix) -> str:
    """Counts as colored cells: the share of the row, the diagonal in its own color.

    Numbers are shown up to 20 classes. Above 100, the 100 with most errors are shown.
    """
    matrix = _most_confused(matrix)
    n = len(matrix.names)
    cell = 64 if n <= 4 else 36 if n <= 12 else 26 if n <= 20 else max(7.0, 600 / n)
    font = min(12.0, cell * 0.86)
    names = [short(name, 18) for name in matrix.names]
    longest = max(map(len, names), default=0) * font * 0.56
    margin = 30 + longest
    tilted = longest > cell
    angle = -45 if cell >= 20 else -90
    top = 30 + (longest * (0.75 if angle == -45 else 1) if tilted else font)
    right = longest * 0.7 if tilted and angle == -45 else 8
    label = f"{matrix.rows} by {matrix.columns}"
    parts = [
        _text(margin + n * cell / 2, 12, matrix.columns, "m", "middle"),
        f'<g transform="translate(12 {top + n * cell / 2:.1f}) rotate(-90)">'
        + _text(0, 0, matrix.rows, "m", "middle")
        + "</g>",
    ]
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        full = f"<title>{html.escape(short(matrix.names[i], 400))}</title>"
        turn = f"rotate({angle})" if tilted else ""
        place = f"translate({margin + middle:.1f} {top - 6:.1f}) {turn}"
        base, anchor = (font * 0.35, "start") if tilted else (0, "middle")
        parts += [
            f'<g style="font-size:{font:.1f}px">{full}',
            _text(margin - 6, top + middle + font * 0.35, name, "k", "end"),
            f'<g transform="{place}">{_text(0, base, name, "k", anchor)}</g></g>',
        ]
    parts += _cells(matrix, cell, margin, top, font)
    parts.append(_frame(margin, top, n * cell))
    width = margin + n * cell + right
    # A small screen shrinks a small map, and scrolls a large one.
    least = min(width, 320) if n <= 20 else 0.9 * width
    return _svg(width, top + n * cell + 8, label, parts, least)


def reliability_diagram(figure: Reliability) -> str:
    """Accuracy by confidence: bars up to the accuracy, a line at the mean confidence.

    A perfectly calibrated classifier has every bar end at its line, on the diagonal.
    Below, the share of the examples in each bin. Guo et al. 2017, arXiv:1706.04599,
    figure 1.
    """
    bins, size, top, left, foot = len(figure.examples), 220, 34, 50, 44
    bottom, wide = top + size, size / len(figure.examples)
    parts = [_text(0, 16, figure.note, "t")]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x, y = left + tick * size, bottom - tick * size
        parts.append(f'<path class="g" d="M{left} {y:.1f}h{size}"/>')
        parts.append(_text(left - 8, y + 4, f"{tick:.0%}", "m", "end"))
        parts.append(_text(x, bottom + foot + 18, f"{tick:.0%}", "m", "middle"))
    most = max(*figure.examples, 1)
    for i in range(bins):
        if not (count := figure.examples[i]):
            continue
        x, right, sure = left + i * wide, figure.accuracy[i], figure.confidence[i]
        said = f"{count:,} examples: confidence {sure:.1%}, accuracy {right:.1%}"
        tall, low = right * size, 4 + count / most * (foot - 8)
        parts.append(f"<g><title>{said}</title>")
        parts.append(_bar("d", x, bottom - tall, wide, tall, 0.75))
        parts.append(_bar("m", x, bottom + 4, wide, low, 0.35))
        y = bottom - sure * size
        parts.append(
            f'<path style="{_stroke(1)}" d="M{x + 1:.1f} {y:.1f}h{wide - 2:.1f}"/></g>'
        )
    parts.append(f'<path class="a" d="M{left} {bottom}L{left + size} {top}"/>')
    parts.append(_frame(left, top, size))
    key = left + size + 14
    parts += [
        _bar("d", key, top + 3, 12, 12, 0.75),
        _text(key + 17, top + 13, "accuracy", "k"),
        f'<path style="{_stroke(1)}" d="M{key} {top + 28}h12"/>',
        _text(key + 17, top + 32, "mean confidence", "k"),
        _bar("m", key, bottom + 8, 12, 12, 0.35),
        _text(key + 17, bottom + 18, "examples", "k"),
    ]
    middle = left + size / 2
    parts.append(_text(middle, bottom + foot + 34, "confidence", "m", "middle"))
    return _svg(left + size + 140, bottom + foot + 40, figure.note, parts)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that cover [low, high], about `count` of them."""
    if not high > low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    rough = (high - low) / count
    scale = 10.0 ** math.floor(math.log10(rough))
    step = min((m * scale for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [
        round(i * step, 12 - math.floor(math.log10(step)))
        for i in range(first, last + 1)
    ]


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = math.ceil((last - first) / 6)
    return [10.0**i for i in range(first, last + every, every)]


def _axis(low: float, high: float, start: float, end: float, logarithmic: bool):
    if logarithmic:
        low, high = math.log10(low), math.log10(high)
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)

    def position(value: float) -> float:
        value = math.log10(value) if logarithmic else value
        return start + (value - low) / (high - low) * (end - start)

    return position


def _legend(series: Mapping[str, Points]) -> tuple[list[str], float]:
    parts, x, y = [], 0.0, 38.0
    for i, (name, points) in enumerate(series.items()):
        finite = [value for step, value in points if _finite(step, value)]
        last = f" {number(finite[-1])}" if finite else ""
        wide = 24 + 6.6 * len(text := short(name, 40) + last)
        if x > 0 and x + wide > RIGHT:
            x, y = 0.0, y + 18
        parts.append(f'<path style="{_stroke(i)}" d="M{x:.0f} {y - 4:.0f}h12"/>')
        parts.append(_text(x + 17, y, text, "k"))
        x += wide + 10
    return parts, y + 16


def _curve(name: str, points: Points, to_x, to_y, index: int) -> str:
    drawn = []
    for run in _runs(points):
        placed = [f"{to_x(x):.1f} {to_y(y):.1f}" for x, y in run]
        # A point between two gaps is a line of no length: round caps make it a dot.
        drawn.append("M" + "L".join(placed if len(placed) > 1 else placed * 2))
    title = f"<title>{html.escape(short(name))}</title>"
    return f'<path style="{_stroke(index)}" d="{"".join(drawn)}">{title}</path>'


def _runs(points: Points) -> list[Points]:
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if _finite(x, y):
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [_thin(run, len(points)) for run in runs if run]


def _thin(run: Points, total: int) -> Points:
    size = math.ceil(2 * total / MAX_POINTS)
    if size <= 2:
        return run
    kept: list[tuple[float, float]] = []
    for start in range(0, len(run), size):
        piece = run[start : start + size]
        extremes = {min(piece, key=lambda p: p[1]), max(piece, key=lambda p: p[1])}
        kept += sorted(extremes)
    return kept


def _most_confused(matrix: Matrix) -> Matrix:
    counts = np.asarray(matrix.counts, dtype=np.float64)
    if len(counts) <= MAX_CLASSES:
        return Matrix(counts, matrix.names, matrix.rows, matrix.columns)
    errors = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
    keep = np.sort(np.argsort(-errors, kind="stable")[:MAX_CLASSES])
    names = tuple(matrix.names[i] for i in keep)
    note = f"{matrix.columns} (the {MAX_CLASSES} classes with most errors)"
    return Matrix(counts[np.ix_(keep, keep)], names, matrix.rows, note)


def _cells(matrix: Matrix, cell: float, left: float, top: float, font: float):
    counts = np.nan_to_num(np.asarray(matrix.counts, dtype=np.float64))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1e-12)
    for i, j in zip(*np.nonzero(counts > 0), strict=True):
        x, y, share = left + j * cell, top + i * cell, shares[i, j]
        # Mistakes are rare: the root lets one in a hundred be seen.
        shade = 0.1 + 0.9 * (share if i == j else math.sqrt(share))
        kind = "d" if i == j else "e"
        row, column = (html.escape(short(matrix.names[n])) for n in (i, j))
        said = f"{row} → {column}: {number(counts[i, j])} ({100 * share:.1f} %)"
        yield (
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{cell:.1f}" '
            f'height="{cell:.1f}" fill-opacity="{shade:.2f}">'
            f"<title>{said}</title></rect>"
        )
        if cell >= 24:
            ink = "o" if shade > 0.55 else "k"
            middle, base = x + cell / 2, y + cell / 2 + font * 0.35
            shown = number(counts[i, j])
            size = min(font, 1.5 * cell / len(shown))
            count = _text(middle, base, shown, ink, "middle")
            yield f'<g style="font-size:{size:.1f}px;pointer-events:none">{count}</g>'


def _bar(
    kind: str, x: float, y: float, width: float, height: float, opacity: float
) -> str:
    return (
        f'<rect class="{kind}" x="{x + 0.5:.1f}" y="{y:.1f}" width="{width - 1:.1f}" '
        f'height="{height:.1f}" fill-opacity="{opacity}"/>'
    )


def _frame(left: float, top: float, size: float) -> str:
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{size:.1f}" height="{size:.1f}" '
        'style="fill:none;stroke:var(--rule,#ccc)"/>'
    )


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    shown = html.escape(short(text, 80))
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{shown}</text>'


def _tick(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:.6g}"


def _stroke(index: int) -> str:
    i = index % len(COLORS)
    return (
        f"fill:none;stroke:var(--s{i + 1},{COLORS[i]});stroke-width:2;"
        "stroke-linejoin:round;stroke-linecap:round"
    )


def _svg(width: float, height: float, label: str, parts, least: float = 0) -> str:
    # Classes are styled here too, so that a chart also stands outside the page.
    style = (
        "svg.c text{font:12px system-ui,sans-serif;fill:var(--ink,#222)}"
        "svg.c g[style] text{font-size:inherit}svg.c .t{font-weight:600;font-size:14px}"
        "svg.c .m{fill:var(--muted,#667)}svg.c .o{fill:var(--paper,#fff)}"
        "svg.c .g{stroke:var(--rule,#ddd);stroke-dasharray:2 4}"
        "svg.c .a{stroke:var(--muted,#667)}"
        "svg.c .d{fill:var(--s1,#2f6fb0)}svg.c .e{fill:var(--s2,#d9722e)}"
    )
    return (
        f'<svg class="c" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="max-width:{width:.0f}px;min-width:{least:.0f}px" '
        f'aria-label="{html.escape(short(label))}"><style>{style}</style>'
        f"{''.join(parts)}</svg>"
    )


def _finite(x: float, y: float) -> bool:
    return math.isfinite(x) and math.isfinite(y)
