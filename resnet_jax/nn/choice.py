"""Choices that a config makes by name; a wrong one is answered."""

from collections.abc import Mapping
from typing import Any

from resnet_jax.lookup import suggest


def choose(table: Mapping[str, Any], name: str, what: str) -> Any:
    """The table's value of that name; unlike `lookup.build`, nothing is called.

    Raises:
        ValueError: the table has no such name.
    """
    if name not in table:
        raise ValueError(f"unknown {what} '{name}'. {suggest(str(name), table)}")
    return table[name]
