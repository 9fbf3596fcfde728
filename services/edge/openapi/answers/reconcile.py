"""What is found when the ledger is computed again from its records."""

from typing import Any, Literal

from services.edge.openapi.schema import Document


class Sums(Document):
    """USD as exact text, and tokens."""

    cost: str
    tokens: int


class Book(Document):
    """One way of keeping sums: what it should hold, and what it does hold."""

    book: Literal["quarter", "organization", "team", "member", "user", "key", "model"]
    records: int
    rows: int
    by_records: Sums
    kept: Sums


class Differing(Document):
    """How many differ among each of the things that are compared."""

    batches: int
    ids: int
    quarters: int
    days: int
    lists: int
    names: int


class Difference(Document):
    """One thing, with its figures by the records and as kept; null for what is not there."""

    among: Literal["batches", "ids", "quarters", "days", "lists", "names"]
    of: dict[str, Any]
    by_records: dict[str, Any] | None
    kept: dict[str, Any] | None


class Reconciliation(Document):
    """As of one position of the ledger."""

    position: int
    agrees: bool
    records: int
    cost: str
    tokens: int
    books: list[Book]
    differing: Differing
    differences_total: int
    differences: list[Difference]
