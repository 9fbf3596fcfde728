"""The team models as the library's `ProjectionRunner` keeps them: a transaction for each event.

The folds, the statements and the store are ours, so that nothing but the runner differs.
"""

from collections.abc import Coroutine
from functools import singledispatchmethod
from typing import Any

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.conninfo import conninfo_to_dict

from events.envelope import Envelope
from services.command.application.recorder import EnvelopeMapper, EventRecorder
from services.projection.projectors.memberships import MEMBERSHIPS
from services.projection.projectors.teams import TEAMS
from services.projection.rows import Rows


class _Cursor:
    """The library's cursor, as rows ask for one."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor

    async def execute(self, query: bytes, parameters: Any, *, prepare: bool) -> None:  # noqa: ANN401, ARG002
        self._cursor.execute(query, parameters)


class TeamsView(PostgresTrackingRecorder):
    """Teams and memberships, and how far they are."""

    def write(self, at: Envelope, tracking: Tracking) -> None:
        """The rows of one event, with its position."""
        with self.datastore.transaction(commit=True) as cursor:
            for projector in (TEAMS, MEMBERSHIPS):
                if fold := projector.folds.get(type(at.event)):
                    rows = Rows(projector.table)
                    fold(rows, at, at.event)
                    _carry_out(rows.write(_Cursor(cursor)))  # type: ignore[arg-type]
            self._insert_tracking(cursor, tracking)


class Teams(Projection[TeamsView]):
    """Hands every event to the view."""

    name = "library_teams"

    @singledispatchmethod
    def process_event(self, domain_event: Envelope, tracking: Tracking) -> None:
        self.view.write(domain_event, tracking)


class Stored(Application[str]):
    """Our store, as the library reads it."""

    name = "stored"


def run_library(url: str, count: int, seconds: float) -> None:
    """Project the first `count` events of a store with it; raises TimeoutError."""
    known = conninfo_to_dict(url)
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "APPLICATION_RECORDER_TOPIC": get_topic(EventRecorder),
        "MAPPER_TOPIC": get_topic(EnvelopeMapper),
        "ORIGINATOR_ID_TYPE": "text",
        "POSTGRES_DBNAME": str(known["dbname"]),
        "POSTGRES_HOST": str(known["host"]),
        "POSTGRES_PORT": str(known.get("port", 5432)),
        "POSTGRES_USER": str(known["user"]),
        "POSTGRES_PASSWORD": str(known.get("password", "")),
        "POSTGRES_SCHEMA": "events",
    }
    runner = ProjectionRunner(
        application_class=Stored, projection_class=Teams, view_class=TeamsView, env=env
    )
    with runner:
        runner.wait(count, timeout=seconds)


def _carry_out(work: Coroutine[Any, Any, None]) -> None:
    """To its end at once: nothing in it waits."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise RuntimeError("it waits for something")
