"""What a reconciliation found, as GET /v1/reconcile and `teamledger reconcile --json` show it.

Costs are text, exact to the last digit: what this is about could be less than a float shows.
"""

from events.values import JsonObject, plain
from services.spend.reconcile import Book, Difference, Reconciliation, Total


def reconciliation(found: Reconciliation) -> JsonObject:
    """The whole of it; `differences_total` counts those that are not named, too."""
    return {
        "position": found.position,
        "agrees": found.agrees,
        "records": found.total.rows,
        **_sums(found.total),
        "books": [_book(book) for book in found.books],
        "differing": dict(found.counted),
        "differences_total": sum(found.counted.values()),
        "differences": [_difference(difference) for difference in found.differences],
    }


def _sums(total: Total) -> JsonObject:
    return {"cost": plain(total.cost), "tokens": total.tokens}


def _book(book: Book) -> JsonObject:
    return {
        "book": book.name,
        "records": book.by_records.rows,
        "rows": book.kept.rows,
        "by_records": _sums(book.by_records),
        "kept": _sums(book.kept),
    }


def _difference(difference: Difference) -> JsonObject:
    return {
        "among": difference.among,
        "of": difference.of,
        "by_records": difference.by_records,
        "kept": difference.kept,
    }
