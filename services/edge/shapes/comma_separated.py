"""Lines of CSV (RFC 4180) that spreadsheets show as they are."""

import csv
from collections.abc import Sequence
from io import StringIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(value: object) -> object:
    """The value; a text that a spreadsheet would compute begins with an apostrophe."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def line(cells: Sequence[object]) -> str:
    """One line; None is nothing."""
    text = StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
