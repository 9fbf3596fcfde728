"""What is in the store, by plain SQL and JSON: nothing of ours decodes it or counts it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from services.database.connections import owner_conninfo

APPEND_LOCK = 7305229
_ALL = """
SELECT notification_id, originator_id, originator_version, topic, convert_from(state, 'UTF8')
FROM events.stored_events ORDER BY notification_id
"""
_LOCKS = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND objid = %s AND granted = %s
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class StoredFact:
    """One row of `events.stored_events`, its state parsed as JSON."""

    position: int
    stream: str
    version: int
    topic: str
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.body["data"]
        return data


def stored_facts(url: str) -> list[StoredFact]:
    """Everything, by position."""
    with psycopg.connect(owner_conninfo(url)) as conn:
        rows = conn.execute(_ALL).fetchall()
    return [StoredFact(p, s, v, t, json.loads(state)) for p, s, v, t, state in rows]


def count(url: str, query: LiteralString, *parameters: object) -> int:
    """The number that a query counts."""
    with psycopg.connect(owner_conninfo(url)) as conn:
        row = conn.execute(query, parameters).fetchone()
    return int(row[0]) if row else 0


def created(url: str, team_id: str) -> int:
    """How often a team of that id was created."""
    query = (
        "SELECT count(*) FROM events.stored_events "
        "WHERE originator_id = 'team-' || %s AND topic = 'team.created'"
    )
    return count(url, query, team_id)


@contextmanager
def append_lock(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Hold the lock that every append takes, in a session of its own, until the block ends."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn, conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
        yield conn


def waiting_appends(holder: psycopg.Connection[Any]) -> int:
    """How many sessions wait for the lock that `holder` has."""
    row = holder.execute(_LOCKS, (APPEND_LOCK, False)).fetchone()
    return int(row[0]) if row else 0


def append_lock_is_held(url: str) -> bool:
    """Whether any session has the lock that every append takes."""
    return count(url, _LOCKS, APPEND_LOCK, True) > 0
