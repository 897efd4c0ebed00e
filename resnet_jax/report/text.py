"""Numbers, durations and foreign strings as people read them."""

import math
import re

_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL
)
# Control characters, line separators, and the marks that reverse reading direction.
_CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def plain(text: object) -> str:
    """The text without terminal codes, control characters and lone surrogates.

    Newlines stay; tabs become spaces. Class and file names may hold any of these.
    """
    kept = _ANSI.sub("", str(text)).replace("\t", " ")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _CONTROL.sub("", kept))


def short(text: object, limit: int = 120) -> str:
    """One plain line of at most `limit` characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def number(value: float) -> str:
    """Four significant digits; whole numbers in full, with thousands set apart."""
    if math.isfinite(value) and (value == int(value) or abs(value) >= 1e4):
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3e}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    """Such as '41.2 s', '3 min 05 s', '2 h 40 min', '3 d 04 h'."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour:02d} h"
    return f"{hour} h {minute:02d} min" if hours else f"{minute} min {second:02d} s"
