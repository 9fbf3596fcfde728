"""Tables on a terminal: what users stored is shown as it is, never taken for markup or control."""

from rich.console import Console
from rich.table import Table


def cell(text: str) -> str:
    """The text with what is not printable escaped: a user id may hold an escape sequence."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def print_table(table: Table) -> None:
    """Print to standard output; square brackets and colons in cells mean nothing."""
    Console(markup=False, emoji=False, highlight=False).print(table)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
