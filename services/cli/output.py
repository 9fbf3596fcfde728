"""Tables on a terminal: what users stored is shown as it is, never taken for markup or control.

Progress goes to standard error, so that the output of a command can be piped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.padding import Padding
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


def print_facts(facts: Iterable[Mapping[str, Any]]) -> None:
    """Each as it comes: what happened and who did it, below it the stream and the data.

    It needs no wide terminal, and no memory for those that follow.
    """
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=False)
    shown = False
    for fact in facts:
        shown = True
        by = f" by {cell(fact['actor'])}" if fact["actor"] else ""
        head = f"{fact['position']}  {fact['recorded_at']}  {fact['type']}{by}"
        console.print(head, overflow="fold")
        for below in fact["stream"], orjson.dumps(fact["data"]).decode():
            text = Text(cell(below), overflow="fold")
            console.print(Padding(text, (0, 0, 0, 4), expand=False))
    if not shown:
        typer.echo("no facts match")


Told = Callable[[int, int], None]
"""To be told how much is done, of how much."""


class _Rate(ProgressColumn):
    """How many a second, so far."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = f" {unit}/s" if unit else "/s"

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or task.completed / (task.elapsed or 1)
        return Text(f"{speed:,.0f}{self._unit}")


@contextmanager
def progress_bar(description: str, unit: str = "") -> Iterator[Told]:
    """A bar with rate and time left until the block ends; told (how much is done, of how much).

    It is there once it is told something: what fails at once is the failure alone.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(description, total=None)

    def told(done: int, total: int) -> None:
        if not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield told
    finally:
        if bar.live.is_started:
            bar.stop()


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
