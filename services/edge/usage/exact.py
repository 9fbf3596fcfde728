"""JSON whose numbers are what was written: no money passes through binary floating point.

Python's own parser is the one that hands over the text of a number; it is as fast as others are
that build objects too. Numbers that no record can hold become NaN, which is refused where it
stands, and does no harm where nobody looks.
"""

import json
from decimal import Decimal, InvalidOperation

LONGEST_NUMBER = 64
NO_NUMBER = Decimal("NaN")


class NoJson(ValueError):
    """The text is no JSON, or nested beyond reason; says where."""


def parse(raw: bytes) -> object:
    """The value of a JSON text: integers as int, other numbers as Decimal.

    NaN, Infinity and numbers of more than 64 characters become NaN. Raises NoJson.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise NoJson(f"not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise NoJson("Unexpected UTF-8 BOM at line 1, column 1")
    try:
        return _loads(text)
    except json.JSONDecodeError as error:
        raise NoJson(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NoJson("nested too deep") from None


def _loads(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of thousands of digits, which int refuses to read
        return _PATIENT_DECODER.decode(text)


def _number(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        return NO_NUMBER
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal knows
        return NO_NUMBER


def _whole_number(text: str) -> int | Decimal:
    return int(text) if len(text) <= LONGEST_NUMBER else NO_NUMBER


def _constant(_: str) -> Decimal:
    return NO_NUMBER


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_constant)
_PATIENT_DECODER = json.JSONDecoder(
    parse_float=_number, parse_constant=_constant, parse_int=_whole_number
)
"""Made once: to make one takes a seventh of the time in which a message of one call is read."""
