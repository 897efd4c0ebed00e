"""Names in a config become objects here, and nowhere else."""

import difflib
import inspect
import numbers
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any


def suggest(name: str, known: Iterable[str]) -> str:
    """Ends an error message: the close names, or all of them where none is close."""
    known = sorted(known)
    if close := difflib.get_close_matches(name, known, 3):
        return f"Did you mean {' or '.join(close)}?"
    return f"Known: {', '.join(known)}." if known else "It takes none."


def few(names: Iterable, shown: int = 5) -> str:
    """The first of many names, and how many more there are."""
    names = list(map(str, names))
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return (", ".join(names[:shown]) or "nothing") + more


def build(table: Mapping[str, Callable], section: Mapping | str, what: str, **given):
    """Calls the table's entry that a config section names, with the section's fields.

    Args:
        table: constructors by name.
        section: {'name': ..., **keyword arguments}, or just the name.
        what: what is being built, for the messages ('model', 'source').
        **given: further keyword arguments, known to the program and not to the config.

    Raises:
        ValueError: the name or one of the fields is unknown, a field is missing, or a
            value is of another kind than the constructor's annotation.
    """
    fields = section_fields(section, what)
    name = fields.pop("name", None)
    if name is None:
        raise ValueError(f"the {what} section needs a name. {suggest('', table)}")
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"unknown {what} '{name}'. {suggest(str(name), table)}")
    check_arguments(table[name], fields, f"{what} '{name}'", given)
    return table[name](**fields, **given)


def section_fields(section: Mapping | str, what: str) -> dict[str, Any]:
    """A config section as {'name': ..., **fields}, also where only the name is given.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(section, str):
        return {"name": section}
    if not hasattr(section, "keys"):
        raise ValueError(
            f"{what} is {section!r}: give a name or a section with a name."
        )
    return dict(section)


def check_arguments(
    function: Callable, fields: Mapping, what: str, given: Collection[str] = ()
) -> None:
    """Checks that a config's fields can be a function's keyword arguments.

    Args:
        function: what will be called.
        fields: of the config.
        what: what they belong to, for the messages.
        given: names of the arguments that the program adds.

    Raises:
        ValueError: a field is unknown, missing, or of another kind than annotated.
    """
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    takes = {p.name: p for p in named if p.name not in given}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for field, value in fields.items():
        if field in given:
            raise ValueError(f"{what} gets its {field} elsewhere; remove it here.")
        if field in takes and not fits(value, wanted := _wanted(takes[field])):
            kind = describe(wanted)
            raise ValueError(f"{what}: {field} is {value!r}; expected {kind}.")
        if field not in takes and not takes_any:
            raise ValueError(f"{what} takes no '{field}'. {suggest(field, takes)}")
    required = [name for name, p in takes.items() if p.default is p.empty]
    if missing := [name for name in required if name not in fields]:
        raise ValueError(f"{what} needs {', '.join(missing)}.")


def _wanted(parameter: inspect.Parameter) -> Any:
    """A parameter's annotation; without one, the type of its default."""
    if parameter.annotation is not parameter.empty:
        return parameter.annotation
    unknown = parameter.default is None or parameter.default is parameter.empty
    return Any if unknown else type(parameter.default)


def fits(value: Any, wanted: Any) -> bool:
    """Whether a config's value is what an annotation asks for.

    A whole number is a number, and a list is a tuple.
    """
    if wanted is Any:
        return True
    origin, arguments = typing.get_origin(wanted) or wanted, typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, option) for option in arguments)
    if origin in (int, float):
        number = numbers.Integral if origin is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    if origin in (tuple, Sequence):
        if not isinstance(value, tuple | list):
            return False
        items = [argument for argument in arguments if argument is not ...]
        if len(items) > 1 and len(value) != len(items):
            return False
        return all(fits(v, items[i % len(items)]) for i, v in enumerate(value) if items)
    if origin is Mapping:
        return hasattr(value, "keys")
    if origin is Callable:
        return callable(value)
    return not isinstance(origin, type) or isinstance(value, origin)


KINDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    tuple: "a tuple",
    Sequence: "a tuple",
    Mapping: "a section",
    types.NoneType: "none",
}


def describe(wanted: Any) -> str:
    """An annotation in words, as far as a config can give it."""
    origin, arguments = typing.get_origin(wanted) or wanted, typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(filter(None, map(describe, arguments)))
    kind = KINDS.get(origin, "")
    if origin is tuple and len(arguments) > 1 and ... not in arguments:
        kind += f" of {len(arguments)} values"
    if origin in (tuple, Sequence) and arguments:
        kind += f", each {describe(arguments[0])}"
    return kind
