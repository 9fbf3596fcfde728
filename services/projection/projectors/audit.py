"""Read model `audit_1`: one row per command and changed thing (D44), holding what changed.

A row stands under the position of its first fact. A command never spans two batches, so a row
is complete when it is written. Streams of reservations are nobody's concern here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from events import streams
from events.envelope import Envelope
from events.registry import DomainEvent
from events.streams import kind_and_id
from services.projection.projector import FactFailed, Reach, identity, slices
from services.projection.projectors.audit_entry import Entry
from services.projection.projectors.audit_notes import NOTES, note
from services.projection.rows import Rows, Table

TABLE = Table(
    "audit_1",
    key={"position": "bigint"},
    columns={
        "id": "text",
        "updated_at": "timestamptz",
        "action": "text",
        "table_name": "text",
        "object_id": "text",
        "object_team_id": "text",
        "object_key_hash": "text",
        "actor": "text",
        "actor_key": "text",
        "actor_role": "text",
        "claim": "jsonb",
        "command": "text",
        "command_id": "text",
        "correlation_id": "text",
        "before_value": "jsonb",
        "updated_values": "jsonb",
    },
    append_only=True,
)
AUDIT_LOG = "LiteLLM_AuditLog"
TABLE_NAMES = {
    streams.TEAM: "LiteLLM_TeamTable",
    streams.USER: "LiteLLM_UserTable",
    streams.KEY: "LiteLLM_VerificationToken",
    streams.ORGANIZATION: "LiteLLM_OrganizationTable",
    streams.BUDGET: "LiteLLM_BudgetTable",
    streams.QUARANTINE: "LiteLLM_SpendLogs",
    streams.DEAD_LETTERS: "LiteLLM_SpendLogs",
    streams.AUDIT: AUDIT_LOG,
    streams.SPEND: "LiteLLM_SpendLogs",
    streams.WEBHOOK: "teamledger_Webhook",
}
"""`streams.SPEND` stands for everything that spends; a reset of one thing is told by that thing."""


@dataclass(frozen=True, slots=True)
class AuditProjector:
    """Groups the facts of a batch by command and stream, one entry each."""

    table: Table = TABLE
    facts: Collection[type[DomainEvent]] = tuple(NOTES)
    reach: Sequence[Reach] = ()

    async def fold(self, facts: Sequence[Envelope]) -> Rows:
        entries: dict[tuple[str, str], tuple[Envelope, Entry]] = {}
        async for portion in slices(facts):
            for at in portion:
                if type(at.event) in NOTES:
                    place = at.meta.command_id, at.originator_id
                    if (begun := entries.get(place)) is None:
                        begun = entries[place] = at, Entry(identity(at.originator_id))
                    _note(begun[1], at)
        rows = Rows(self.table)
        async for finished in slices(list(entries.values())):
            for first, entry in finished:
                _put(rows, first, entry)
        return rows


def _note(entry: Entry, at: Envelope) -> None:
    try:
        note(entry, at.event)
    except Exception as error:
        raise FactFailed(TABLE.name, at.event.type_name, at.position, error) from error


def _named(entry: Entry, of: str, kind: str, column: str) -> str | None:
    """The ids of that kind which the entry is about: of a key also the teams it was and is in.

    Filters look for parts of them (supporting-api.md 7), so several stand side by side.
    """
    if kind == of == streams.TEAM:
        return entry.object_id
    if kind != streams.KEY:
        return None
    own = entry.object_id if of == streams.KEY else entry.team_id
    names = [own, entry.before.get(column), entry.after.get(column)]
    return " ".join(dict.fromkeys(name for name in names if name)) or None


def _put(rows: Rows, first: Envelope, entry: Entry) -> None:
    kind, meta = entry.kind or kind_and_id(first.originator_id)[0], first.meta
    rows.put(
        (first.position,),
        id=first.event_id,
        updated_at=first.recorded_at,
        action=entry.action,
        table_name=TABLE_NAMES[kind],
        object_id=entry.object_id,
        object_team_id=_named(entry, streams.TEAM, kind, "team_id"),
        object_key_hash=_named(entry, streams.KEY, kind, "token"),
        actor=meta.actor,
        actor_key=meta.actor_key,
        actor_role=meta.actor_role,
        claim=meta.on_behalf_of.model_dump() if meta.on_behalf_of else None,
        command=meta.command,
        command_id=meta.command_id,
        correlation_id=meta.correlation_id,
        before_value=entry.before_value,
        updated_values=entry.updated_values,
    )
