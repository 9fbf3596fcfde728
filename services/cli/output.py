"""Tables on a terminal: what users stored is shown as it is, never taken for markup or control.

Progress goes to standard error, so that the output of a command can be piped.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text


def cell(text: str) -> str:
    """The text with what is not printable escaped: a user id may hold an escape sequence."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def print_table(table: Table) -> None:
    """Print to standard output; square brackets and colons in cells mean nothing."""
    Console(markup=False, emoji=False, highlight=False).print(table)


Told = Callable[[int, int], None]
"""To be told how much is done, of how much."""


class _Rate(ProgressColumn):
    """How many a second, so far."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = f" {unit}/s" if unit else "/s"

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}{self._unit}")


@contextmanager
def progress_bar(description: str, unit: str = "") -> Iterator[Told]:
    """A bar with rate and time left until the block ends; told (how much is done, of how much)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
