"""Names in a config become objects here, and nowhere else."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def suggest(name: str, known: Iterable[str]) -> str:
    """Ends an error message: the close names, or all of them where none is close."""
    known = sorted(known)
    if close := difflib.get_close_matches(name, known, 3):
        return f"Did you mean {' or '.join(close)}?"
    return f"Known: {', '.join(known)}." if known else "None are known."


def build(table: Mapping[str, Callable], section: Mapping | str, what: str, **given):
    """Calls the table's entry that a config section names, with the section's fields.

    Args:
        table: constructors by name.
        section: {'name': ..., **keyword arguments}, or just the name.
        what: what is being built, for the messages ('model', 'source').
        **given: further keyword arguments, known to the program and not to the config.

    Raises:
        ValueError: the name or one of the fields is unknown, or a field is missing.
    """
    fields: dict[str, Any] = (
        {"name": section} if isinstance(section, str) else dict(section)
    )
    name = fields.pop("name", None)
    if name is None:
        raise ValueError(f"the {what} section needs a name. {suggest('', table)}")
    if name not in table:
        raise ValueError(f"unknown {what} '{name}'. {suggest(name, table)}")
    for field in fields.keys() & given.keys():
        raise ValueError(f"{what} '{name}' gets its {field} elsewhere; remove it here.")
    check_arguments(table[name], {**fields, **given}, f"{what} '{name}'")
    return table[name](**fields, **given)


def check_arguments(function: Callable, fields: Mapping, what: str) -> None:
    """Raises ValueError where a call with these keyword arguments would not bind."""
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for field in fields:
            if field not in (names := [p.name for p in named]):
                raise ValueError(f"{what} takes no '{field}'. {suggest(field, names)}")
    missing = [p.name for p in named if p.default is p.empty and p.name not in fields]
    if missing:
        raise ValueError(f"{what} needs {', '.join(missing)}.")
