"""What is found when the ledger is computed again from its records."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.edge.openapi.schema import Document

_Usd = Annotated[
    str, Field(description="USD, exact to the last digit.", pattern=r"^-?\d+(\.\d+)?$")
]
_Tokens = Annotated[int, Field(description="Tokens: of prompts and of completions.")]
_Differing = Annotated[int, Field(description="How many of them differ.", ge=0)]


class LedgerSums(Document):
    """USD and tokens."""

    cost: _Usd
    tokens: _Tokens


class LedgerBook(Document):
    """One way of keeping sums: what it should hold, and what it does hold."""

    book: Literal[
        "quarter", "organization", "team", "member", "organization_member", "user", "key", "model"
    ] = Field(description="By what is summed: quarters of an hour, or days of so many things.")
    records: int = Field(description="How many records belong in it.")
    rows: int = Field(description="How many sums it consists of.")
    by_records: LedgerSums = Field(description="What it should hold: computed from the records.")
    kept: LedgerSums = Field(description="What it does hold.")


class LedgerDiffering(Document):
    """How many differ among each of the things that are compared."""

    batches: _Differing = Field(description="Commits whose positions hold other records.")
    ids: _Differing = Field(description="Records whose id is not known, or ids without a record.")
    quarters: _Differing = Field(description="Sums by series and quarter of an hour.")
    series_days: _Differing = Field(description="Sums by series and day, which reports read.")
    days: _Differing = Field(description="Sums by account and day.")
    lists: _Differing = Field(description="Entries in the lists of each account's series.")
    names: _Differing = Field(description="Accounts that are not those which their series name.")


class LedgerDifference(Document):
    """One thing, with its figures by the records and as kept."""

    among: Literal["batches", "ids", "quarters", "series_days", "days", "lists", "names"] = Field(
        description="Where it was found."
    )
    of: dict[str, Any] = Field(description="What it is.")
    by_records: dict[str, Any] | None = Field(
        description="Its figures by the records; null where they know nothing of it."
    )
    kept: dict[str, Any] | None = Field(description="Its figures as kept; null where none are.")


class Reconciliation(Document):
    """As of one position of the ledger."""

    position: int = Field(description="Where the ledger ended: the place of its last record.")
    agrees: bool = Field(description="Whether nothing differs.")
    records: int = Field(description="How many records there are.")
    cost: _Usd
    tokens: _Tokens
    books: list[LedgerBook] = Field(description="All ways of keeping sums.")
    differing: LedgerDiffering = Field(description="How many differ, by what was compared.")
    differences_total: int = Field(description="How many differ in all.")
    differences: list[LedgerDifference] = Field(description="The first hundred of them.")
