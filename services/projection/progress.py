"""How far a group of projectors is, saved beside its rows, and the lock of who moves it on."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncCursor

from events.envelope import Envelope


class RebuildNeeded(Exception):
    """The store is not the one that was followed: a restored backup, or lost commits."""

    def __init__(self, found: str) -> None:
        super().__init__(f"{found}; run `teamledger rebuild`, then start the service again")


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything up to `position` of the store `epoch` is in the tables.

    `event_id` is the id of the event at that position; at position 0 there is neither.
    """

    position: int = 0
    epoch: UUID | None = None
    event_id: str | None = None

    @classmethod
    def at(cls, last: Envelope, epoch: UUID | None) -> "Progress":
        return cls(last.position, epoch, last.event_id)


def recognise(position: int, event_id: str | None, found: str | None) -> None:
    """Raise RebuildNeeded unless the store still has at `position` what it had there."""
    if found != event_id:
        raise RebuildNeeded(f"at position {position} the store holds event {found}, not {event_id}")


async def try_lock(cursor: AsyncCursor[Any], group: str) -> bool:
    """Whether this transaction is now the one that may move the group on.

    It may idle for 5 seconds from here on: a large batch is folded before it is written.
    """
    await cursor.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('read.groups ' || %s, 0)), "
        "set_config('idle_in_transaction_session_timeout', '5s', true)",
        (group,),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def lock(cursor: AsyncCursor[Any], group: str) -> None:
    """Wait to be it; raises psycopg's LockNotAvailable after the session's `lock_timeout`."""
    await cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('read.groups ' || %s, 0))", (group,)
    )


async def lock_session(cursor: AsyncCursor[Any], name: str) -> bool:
    """Whether this session now has the lock of that name, until it ends."""
    await cursor.execute(
        "SELECT pg_try_advisory_lock(hashtextextended('read.groups ' || %s, 0))", (name,)
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def load(cursor: AsyncCursor[Any], group: str) -> Progress:
    """What was saved last; position 0 if nothing was."""
    await cursor.execute(
        "SELECT position, epoch, event_id FROM read.groups WHERE name = %s", (group,)
    )
    row = await cursor.fetchone()
    return Progress(*row) if row else Progress()


async def save(cursor: AsyncCursor[Any], group: str, progress: Progress) -> None:
    """To be called in the transaction that writes the rows."""
    await cursor.execute(
        """
        INSERT INTO read.groups (name, position, epoch, event_id) VALUES (%s, %s, %s, %s)
        ON CONFLICT (name) DO UPDATE
        SET position = EXCLUDED.position, epoch = EXCLUDED.epoch, event_id = EXCLUDED.event_id
        """,
        (group, progress.position, progress.epoch, progress.event_id),
    )


async def forget(cursor: AsyncCursor[Any], group: str) -> None:
    """As if the group had never begun."""
    await cursor.execute("DELETE FROM read.groups WHERE name = %s", (group,))
