"""Lines of CSV that a spreadsheet shows as they are, and computes nothing from."""

import csv
from collections.abc import Sequence
from io import StringIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(value: object) -> object:
    """A text that would be taken for a formula begins with an apostrophe."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def line(cells: Sequence[object]) -> str:
    """One line with its end."""
    text = StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
