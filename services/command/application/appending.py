"""One append: what it writes, and how the database function is called that writes it.

The function serialises writers with an advisory lock, gives gapless positions that commit in order,
and writes a whole batch in one round trip (architecture, section 3). Nothing else inserts events.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from events.envelope import beginning
from services.command.application.cache import Mark
from services.command.application.view import Row
from services.command.domain.dependents import Link

_APPENDED = """%b::text[], %b::bigint[], %b::text[], %b::bytea[],
    %b::text[], %b::text[], %b::text[], %b::bigint[],
    %b::text[], %b::text[], %b::text[], %b::text[], %b::json"""
APPEND = f"SELECT outcome, head FROM events.append(%b::bigint, {_APPENDED})"  # noqa: S608
# The position of a mark, or -1, at which no store is, where the log does not hold the mark.
RECOGNISED = """
coalesce((
    SELECT mark.position
    FROM (VALUES (%b::uuid, %b::bigint, %b::bytea)) AS mark (epoch, position, beginning)
    WHERE mark.epoch = (SELECT epoch FROM events.store) AND (mark.position = 0 OR mark.beginning = (
        SELECT substr(state, 1, octet_length(mark.beginning))
        FROM events.stored_events WHERE notification_id = mark.position))
), -1)
"""
APPEND_AFTER = f"SELECT outcome, head FROM events.append({RECOGNISED}, {_APPENDED})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A remembered answer to an idempotency key; `answer` is sealed (see idempotency)."""

    caller: bytes
    key: str
    body_hash: bytes
    status: int
    answer: bytes
    position: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one append writes. With `after` the log is recognised, too, before it."""

    expected_head: int
    rows: Sequence[Row] = ()
    links: Sequence[Link] = ()
    people: Sequence[tuple[str, bytes]] = ()
    chores: Sequence[tuple[str, str, int]] = ()
    answers: Sequence[StoredAnswer] = field(default=())
    after: Mark | None = None

    @property
    def writes(self) -> bool:
        return bool(self.rows or self.answers)


def recognisable(mark: Mark) -> tuple[Any, ...]:
    """The parameters of RECOGNISED."""
    return mark.epoch, mark.position, beginning(mark.event_id or "")


def parameters(batch: Batch) -> tuple[Any, ...]:
    """What APPEND is given behind the place where the log has to stand."""
    added, removed, dropped = net(batch.links)
    return (
        [row.envelope.originator_id for row in batch.rows],
        [row.envelope.originator_version for row in batch.rows],
        [row.topic for row in batch.rows],
        [row.state for row in batch.rows],
        [k[0] for k in added],
        [k[1] for k in added],
        [k[2] for k in added],
        list(added.values()),
        [k[0] for k in removed],
        [k[1] for k in removed],
        [k[2] for k in removed],
        dropped,
        _sides(batch),
    )


Place = tuple[str, str, str]


def net(links: Sequence[Link]) -> tuple[dict[Place, int], list[Place], list[str]]:
    """What a sequence of changes comes to: the function drops, removes, then adds."""
    added: dict[Place, int] = {}
    removed: dict[Place, None] = {}
    dropped: dict[str, None] = {}
    for link in links:
        place = (link.parent, link.kind, link.child)
        match link.action:
            case "add":
                added[place] = link.since
            case "remove":
                added.pop(place, None)
                removed[place] = None
            case "drop":
                added = {p: since for p, since in added.items() if p[2] != link.child}
                dropped[link.child] = None
    return added, list(removed), list(dropped)


def _sides(batch: Batch) -> str | None:
    if not (batch.people or batch.answers or batch.chores):
        return None
    answers = [
        {
            "caller": a.caller.hex(),
            "key": a.key,
            "body_hash": a.body_hash.hex(),
            "status": a.status,
            "answer": base64.b64encode(a.answer).decode(),
            "position": a.position,
        }
        for a in batch.answers
    ]
    people = [{"person": p, "wrapped": base64.b64encode(w).decode()} for p, w in batch.people]
    chores = [{"parent": p, "kind": k, "until": n} for p, k, n in batch.chores]
    return orjson.dumps({"answers": answers, "people": people, "chores": chores}).decode()
