"""What an import is made of: things to record, each decided on the state it finds."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from events.imported import ThingImported
from events.organization import Allowance
from events.registry import DomainEvent
from events.spend import SpendKind, SpendOpened, spend_stream
from events.streams import Stream
from services.cli.litellm.columns import DERIVED, VOLATILE
from services.cli.litellm.source import Row, Source
from services.cli.litellm.values import Finding, Record, content
from services.command.application.view import View
from services.database.vault import Vault

SOURCE = "litellm"
Fact = tuple[str, DomainEvent]
Related = Mapping[str, Any]
"""What other tables hold of the rows of a page."""


@dataclass(slots=True)
class Plan:
    """What recording a thing comes to: `before` are things that have to be there first."""

    facts: list[Fact]
    before: list[list[Fact]] = field(default_factory=list)
    people: list[tuple[str, bytes]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Thing:
    """One record of the source. `decide` may be called again, on newer state.

    `streams` are those it will look at, `over` tells a life that had ended before the import.
    """

    kind: str
    table: str
    id: str
    stream: Stream
    digest: str
    decide: Callable[[View], Plan]
    streams: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    over: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """Things of one kind: what they are called, where they stand, and how pages are turned."""

    name: str
    table: str
    identity: str
    pages: "Callable[[Source], Iterator[list[Row]]]"
    related: "Callable[[Context, Sequence[Row]], Awaitable[Related]]"
    convert: "Callable[[Context, Record, Related], Thing]"


@dataclass(frozen=True, slots=True)
class Context:
    """What all conversions share. A `rehearsal` writes nothing, not even the key of a team.

    `refused_users` have a row and may come with a later import: nobody is made in their place.
    `allowances` are what the teams so far take, by organization.
    """

    source: Source
    vault: Vault
    as_of: datetime
    rehearsal: bool
    refused_users: set[str] = field(default_factory=set)
    allowances: dict[str, dict[str, Allowance]] = field(default_factory=dict)

    def digest(self, record: Record, *related: object) -> str:
        """By which a later import tells whether a record has changed, but for its use."""
        said = content(record.values, VOLATILE | DERIVED)
        return self.vault.digest(" ".join([said, *map(repr, related)]))

    def opening(
        self,
        kind: SpendKind,
        identity: str,
        incarnation: int,
        amount: Decimal,
        user_id: str | None = None,
    ) -> list[Fact]:
        """What was spent, unless that is nothing."""
        if not amount:
            return []
        opened = SpendOpened(
            kind=kind,
            id=identity,
            user_id=user_id,
            incarnation=incarnation,
            amount=amount,
            as_of=self.as_of,
        )
        return [(spend_stream(kind, identity, user_id), opened)]


def mark(table: str, identity: str, digest: str, record: Record | None = None) -> ThingImported:
    """The fact that ends what one record became."""
    if record is None:
        return ThingImported(source=SOURCE, table=table, id=identity, digest=digest)
    return ThingImported(
        source=SOURCE,
        table=table,
        id=identity,
        digest=digest,
        created_at=record.moment("created_at"),
        created_by=record.text("created_by"),
        updated_at=record.moment("updated_at"),
        updated_by=record.text("updated_by"),
        deleted_at=record.moment("deleted_at"),
        deleted_by=record.text("deleted_by"),
        deleted_by_key=record.text("deleted_by_api_key"),
    )
