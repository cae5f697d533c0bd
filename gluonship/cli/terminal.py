"""What commands print: messages and progress on stderr, results on stdout, as tables or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable


class Terminal:
    """One command's voice. With `as_json` only `result` writes to stdout, once."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._messages = Console(stderr=True, highlight=False, soft_wrap=True)
        self._results = Console(highlight=False, soft_wrap=True)

    def step(self, text: str) -> None:
        """What is about to happen."""
        self._messages.print(Text("▸ ", "bold cyan") + Text(text, "bold"))

    def say(self, text: str) -> None:
        self._messages.print(Text(text))

    def quiet(self, text: str) -> None:
        """Something of lesser weight, as a container's log line."""
        self._messages.print(Text(f"  {text}", "dim"))

    def done(self, text: str) -> None:
        self._messages.print(Text("✓ ", "bold green") + Text(text))

    def warn(self, text: str) -> None:
        self._messages.print(Text(f"! {text}", "yellow"))

    def then(self, *lines: str) -> None:
        """What to do next."""
        for number, line in enumerate(lines):
            self._messages.print(Text("Next: " if number == 0 else "      ", "bold") + Text(line))

    def result(self, value: Any) -> None:
        """The machine-readable result; nothing without --json."""
        if self.as_json:
            print(json.dumps(value, indent=2, default=str), flush=True)

    def line(self, text: str) -> None:
        """A line of a person's result; nothing with --json."""
        if not self.as_json:
            self._results.print(Text(text))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]], title: str = "") -> None:
        """A person's result as a table, without the columns that are empty; nothing with --json."""
        cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
        if self.as_json or not cells:
            return
        shown = [place for place in range(len(columns)) if any(row[place].plain for row in cells)]
        table = Table(title=title or None, title_justify="left")
        for place in shown:
            table.add_column(columns[place], overflow="fold")  # never "...": every word counts
        for row in cells:
            table.add_row(*[row[place] for place in shown])
        self._results.print(table)

    @contextmanager
    def bytes_progress(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """Shows how much of `total` bytes has gone; gives what to call with each number more."""
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        if not self._messages.is_terminal:
            yield lambda count: None
            return
        columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=self._messages, transient=True) as progress:
            task = progress.add_task(text, total=total)
            yield lambda count: progress.advance(task, count)


class Voice(Protocol):
    """The part of a Terminal that longer works need."""

    def step(self, text: str) -> None: ...
    def say(self, text: str) -> None: ...
    def quiet(self, text: str) -> None: ...
    def done(self, text: str) -> None: ...
