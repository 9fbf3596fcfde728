"""`teamledger replay`: what was recorded, and what it came to at any moment."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import psycopg
import typer

from events.envelope import Envelope, decode
from events.registry import dump
from events.streams import TEAM, stream
from events.values import timestamp
from services.cli.database import any_database, databases_at
from services.cli.destination import claimed, filled, show
from services.cli.failures import explained
from services.cli.moment import Moments, Until
from services.cli.output import print_facts
from services.cli.past import print_past
from services.database.connections import DatabaseUnusable, visiting_conninfo
from services.database.schemas import Databases
from services.projection.filling.job import Log
from services.projection.progress import Progress
from services.settings import load_settings

PAGE = 2_000
_QUERY = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events
WHERE notification_id > %(after)s AND notification_id <= %(upto)s
  AND (%(stream)s::text IS NULL OR originator_id = %(stream)s)
  AND (%(types)s::text[] IS NULL OR topic = ANY (%(types)s))
ORDER BY notification_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which facts to show; None admits all."""

    stream: str | None
    types: list[str] | None
    actor: str | None
    since: datetime | None
    until: Until | None

    def admits(self, envelope: Envelope) -> bool:
        """What the query did not decide already."""
        if self.actor is not None and envelope.meta.actor != self.actor:
            return False
        return self.since is None or envelope.recorded_at >= self.since


@explained
def replay(
    team_id: Annotated[str | None, typer.Argument(help="One team; everything without.")] = None,
    stream_name: Annotated[
        str | None, typer.Option("--stream", help="One stream, such as user-ann or key-<hash>.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Recorded at or after (UTC).")] = None,
    until: Annotated[
        str | None, typer.Option(help="Up to this position, or recorded at or before (UTC).")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="User id of whoever did it.")] = None,
    event_type: Annotated[
        list[str] | None, typer.Option("--type", help="Such as team.budget_changed; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    state: Annotated[
        bool, typer.Option("--state", help="What it came to by then, as read models have it.")
    ] = False,
    into: Annotated[
        str | None,
        typer.Option(help="Make all read models as of then: a new schema, or another database."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=64, help="With --into: processes; one per core.")
    ] = None,
) -> None:
    """Show recorded facts in their order, or a past state. Personal data stays sealed.

    --state prints one team or stream as it was at --until; --into makes tables of everything as it
    was, to be read with SQL. Both stand at the end of the last command that was whole by then.
    """
    if team_id is not None and stream_name is not None:
        raise typer.BadParameter("name a team or a stream, not both")
    chosen = stream(TEAM, team_id) if team_id is not None else stream_name
    moment = None if until is None else Until.parse(until)
    wanted = Filter(chosen, event_type or None, actor, _utc(since), moment)
    if (state or into) and (since or actor or event_type):
        raise typer.BadParameter("a state is of all facts: --since, --actor and --type choose some")
    if into is not None and (chosen is not None or state):
        raise typer.BadParameter("--into makes the tables of everything: name no team or stream")
    if state and chosen is None:
        raise typer.BadParameter("--state is of one team or stream: name it, or use --into")
    settings = load_settings()
    with any_database(settings) as url:
        if into is not None:
            _materialise(databases_at(url, settings), into, moment, jobs)
        elif state and chosen is not None:
            print_past(visiting_conninfo(url), chosen, _moment(url, moment))
        else:
            facts = map(as_object, matching(visiting_conninfo(url), wanted))
            _print_json(facts) if as_json else print_facts(facts)


def matching(conninfo: str, wanted: Filter) -> Iterator[Envelope]:
    """Facts that the filter admits, in store order, page by page.

    Raises DatabaseUnusable for a database without a log.
    """
    after = 0
    query: dict[str, Any] = {"stream": wanted.stream, "types": wanted.types, "limit": PAGE}
    with psycopg.connect(conninfo, autocommit=True) as conn:
        query["upto"] = _moments(conn).position(wanted.until)
        while True:
            page = {**query, "after": after}
            rows = conn.execute(_QUERY, page, binary=True).fetchall()
            yield from filter(wanted.admits, (decode(*row) for row in rows))
            if len(rows) < PAGE:
                return
            after = rows[-1][2]


def _moments(conn: psycopg.Connection[Any]) -> Moments:
    try:
        return Moments(conn)
    except psycopg.errors.UndefinedTable:
        raise DatabaseUnusable("it has no events: `teamledger serve` never ran on it") from None


def _moment(url: str, until: Until | None) -> Progress:
    with psycopg.connect(visiting_conninfo(url), autocommit=True) as conn:
        return _moments(conn).whole_until(until)


def _materialise(databases: Databases, into: str, until: Until | None, jobs: int | None) -> None:
    at = _moment(databases.events, until)
    with claimed(into, databases.reads) as destination:
        rows = filled(destination, Log(visiting_conninfo(databases.events)), at, jobs)
    show(destination, rows, at.position)


def as_object(envelope: Envelope) -> dict[str, Any]:
    """A fact with its envelope as plain JSON."""
    name, version, data = dump(envelope.event)
    meta = envelope.meta
    return {
        "position": envelope.position,
        "stream": envelope.originator_id,
        "version": envelope.originator_version,
        "recorded_at": timestamp(envelope.recorded_at),
        "type": name,
        "schema_version": version,
        "data": data,
        "event_id": envelope.event_id,
        "command": meta.command,
        "command_id": meta.command_id,
        "actor": meta.actor,
        "actor_role": meta.actor_role,
        "on_behalf_of": None if meta.on_behalf_of is None else {"sealed": meta.on_behalf_of.person},
        "correlation_id": meta.correlation_id,
    }


def _print_json(facts: Iterator[dict[str, Any]]) -> None:
    for fact in facts:
        sys.stdout.write(orjson.dumps(fact).decode() + "\n")


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC)
