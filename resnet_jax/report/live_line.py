"""One line that is written over again, in a terminal or in a notebook."""

import atexit
import sys
from collections.abc import Callable
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text


class TerminalLine:
    """The last line of a terminal, kept current by rich."""

    def __init__(self, stream: TextIO):
        self._console = Console(
            file=stream, force_terminal=True, highlight=False, markup=False, emoji=False
        )
        self._text: Callable[[], str] = str
        self._live: Live | None = None
        atexit.register(self.stop)  # an error must not leave the cursor hidden

    def show(self, text: Callable[[], str]) -> None:
        """Shows the text, asked for again a few times a second."""
        self._text = text
        if self._live is None:
            self._live = Live(
                get_renderable=self._render, console=self._console, transient=True
            )
            self._live.start()
        self._live.refresh()

    def print(self, text: str, style: str = "") -> None:
        """Prints lines that stay, above the live one."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def stop(self) -> None:
        """Clears the line."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _render(self) -> Text:
        return Text(self._text(), style="cyan", no_wrap=True, overflow="ellipsis")


class NotebookLine:
    """One output of a notebook cell, replaced at every change."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: Callable[[], str]) -> None:
        """Shows the text in place of the last one."""
        from IPython.display import Pretty, display

        if self._handle is None:
            self._handle = display(Pretty(text()), display_id=True)
        else:
            self._handle.update(Pretty(text()))

    def print(self, text: str, style: str = "") -> None:
        """Prints lines that stay, below."""
        print(text, flush=True)

    def stop(self) -> None:
        """Empties the output; the next text appears in it again."""
        from IPython.display import Pretty

        if self._handle is not None:
            self._handle.update(Pretty(""))


def open_line(stream: TextIO, interactive: bool) -> TerminalLine | NotebookLine | None:
    """The live line that the place allows; None: a file, a pipe, a log."""
    if not interactive:
        return None
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if hasattr(shell, "kernel") and not stream.isatty():
        return NotebookLine()
    return TerminalLine(stream)
