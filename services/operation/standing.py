"""How log, followers and queues stand, as the databases tell it: any process may ask.

Nothing is taken from the memory of the process that asks, so all of them tell the same. Only what
an index finds is asked for, whatever the size of the log.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import namedtuple_row

from services.database.connections import Pool

_GROUPS = "SELECT name, position FROM read.groups ORDER BY name"
_REBUILT = "SELECT obj_description('read'::regnamespace, 'pg_namespace')"
_LOG = """
SELECT now() AS at, store.epoch,
    (SELECT coalesce(max(notification_id), 0) FROM events.stored_events) AS head,
    (SELECT coalesce(max(position), 0) FROM usage.batches) AS usage,
    (SELECT count(*) FROM usage.quarantine) AS quarantined,
    seal.events AS sealed, seal.usage AS sealed_usage, seal.size AS leaves,
    (SELECT made_at FROM ops.checkpoints ORDER BY size DESC LIMIT 1) AS checkpoint_at,
    waiting.messages, waiting.oldest
FROM events.store, ops.seal, (
    SELECT count(*) AS messages, min(created_at) AS oldest
    FROM ops.webhook_deliveries WHERE state = 'waiting'
) waiting
"""
_RELAYS = "SELECT topic, position, published_at FROM ops.relay ORDER BY topic"
# The time stands near the beginning of a state, which is ASCII up to there.
_AGES = """
SELECT after.position, extract(epoch FROM now() - substring(
    encode(substr(state, 1, 128), 'escape') FROM '"at":"([^"]+)"')::timestamptz)::float8
FROM unnest(%s::bigint[]) AS after (position)
JOIN events.stored_events ON notification_id = after.position + 1
"""


_REBUILT_TEXT = re.compile(r"rebuilt at (\d{4}-[0-9T:.+-]{10,40}) up to position (\d{1,18})")


class Lag(NamedTuple):
    """How far a follower is behind: `seconds` is the age of the oldest event it lacks, or 0."""

    position: int
    events: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Seal:
    """The tree, `events` as a follower of the log."""

    events: Lag
    usage: int
    leaves: int
    checkpoint_at: datetime | None


@dataclass(frozen=True, slots=True)
class Relayed:
    """How far a topic holds the log, whichever relay leads."""

    topic: str
    lag: Lag
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Queues:
    """What waits: `messages` to webhooks, the oldest since `oldest`, and quarantined usage."""

    messages: int
    oldest: datetime | None
    quarantined: int


@dataclass(frozen=True, slots=True)
class Log:
    """The event database at one moment, `at` by its clock. `usage` is where the ledger ends."""

    at: datetime
    epoch: UUID
    head: int
    usage: int
    seal: Seal
    relays: Sequence[Relayed]
    queues: Queues


class Rebuilt(NamedTuple):
    """When read models were filled anew, and up to which position; kept with their schema."""

    at: datetime
    position: int

    @classmethod
    def parsed(cls, comment: str) -> "Rebuilt | None":
        """What `text` made; None for whatever else stands there."""
        found = _REBUILT_TEXT.fullmatch(comment)
        return None if found is None else cls(datetime.fromisoformat(found[1]), int(found[2]))

    @property
    def text(self) -> str:
        return f"rebuilt at {self.at.isoformat()} up to position {self.position}"


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found: `log` and `groups` are None where the database did not answer.

    `groups` are the projector groups by name; it stays empty where the process keeps no read
    models. `rebuilt` tells of the last `teamledger rebuild` that was swapped in.
    """

    log: Log | None
    groups: Mapping[str, Lag] | None = field(default_factory=dict)
    rebuilt: Rebuilt | None = None


async def groups_of(pool: Pool) -> tuple[Mapping[str, int], Rebuilt | None]:
    """Positions of the projector groups, and the last rebuild. Raises psycopg.Error."""
    async with pool.connection() as connection:
        groups = await (await connection.execute(_GROUPS)).fetchall()
        row = await (await connection.execute(_REBUILT)).fetchone()
    rebuilt = Rebuilt.parsed(row[0]) if row and row[0] else None
    return {str(name): int(position) for name, position in groups}, rebuilt


async def log_of(pool: Pool, groups: Mapping[str, int]) -> tuple[Log, Mapping[str, Lag]]:
    """The log, and how far these groups are behind it. Raises psycopg.Error."""
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=namedtuple_row)
        found: Any = await (await cursor.execute(_LOG)).fetchone()
        relays = await (await connection.execute(_RELAYS)).fetchall()
        places = {*groups.values(), found.sealed, *(position for _, position, _ in relays)}
        aged = await connection.execute(_AGES, (sorted(places),))
        ages = {int(position): float(age) for position, age in await aged.fetchall()}

    def lag(position: int) -> Lag:
        behind = max(found.head - position, 0)
        return Lag(position, behind, max(ages.get(position, 0.0), 0.0) if behind else 0.0)

    seal = Seal(lag(found.sealed), found.sealed_usage, found.leaves, found.checkpoint_at)
    log = Log(
        found.at,
        found.epoch,
        found.head,
        found.usage,
        seal,
        [Relayed(topic, lag(position), at) for topic, position, at in relays],
        Queues(found.messages, found.oldest, found.quarantined),
    )
    return log, {name: lag(position) for name, position in groups.items()}
