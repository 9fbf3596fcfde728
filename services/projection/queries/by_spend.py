"""Pages in the order of what was spent, which only the ledger knows.

All that match are looked up before the page can be cut: as much work as there are of them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from services.projection.queries.reading import Paging

T = TypeVar("T")


def ranked(
    names: Sequence[str], spent: Sequence[Decimal], paging: Paging, *, descending: bool
) -> list[str]:
    """The names of the page: by what each has spent, among equals in the order given."""
    pairs = zip(names, spent, strict=True)
    order = sorted(pairs, key=lambda pair: pair[1], reverse=descending)
    return [name for name, _ in order[paging.offset : paging.offset + paging.size]]


def arranged(found: dict[str, T], names: Sequence[str]) -> list[T]:
    """What was found, in the order of these names; what is gone by now is left out."""
    return [found[name] for name in names if name in found]
