"""What verbs print: tables, and warnings."""

import sys
from collections.abc import Sequence
from typing import Any


def warn(text: str) -> None:
    """Says on standard error what must not be overlooked."""
    print(f"warning: {text}", file=sys.stderr)


class Table(list):
    """Rows as dicts of the same keys: JSON as they are, text as a table."""

    def __init__(self, rows: Sequence[dict[str, Any]], formats: dict[str, str]):
        """Takes the rows, and a format specification for the columns that need one."""
        super().__init__(rows)
        self.formats = formats

    def __str__(self) -> str:
        """The rows in columns, numbers to the right."""
        if not self:
            return "nothing to show"
        names = list(self[0])
        cells = [
            [format(row[n], self.formats.get(n, "")) for n in names] for row in self
        ]
        widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
        right = [not isinstance(self[0][name], str) for name in names]
        return "\n".join(
            "  ".join(
                f"{cell:>{width}}" if to_right else f"{cell:{width}}"
                for cell, width, to_right in zip(line, widths, right, strict=True)
            ).rstrip()
            for line in [names, *cells]
        )
