"""`teamledger replay`: the history of one team, or of everything, as it was recorded."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import psycopg
import typer
from rich.table import Column, Table

from events.envelope import Envelope, decode
from events.registry import dump
from events.streams import TEAM, stream
from events.values import timestamp
from services.cli.database import any_database
from services.cli.failures import explained
from services.cli.output import cell, print_table
from services.database.connections import DatabaseUnusable, service_conninfo
from services.settings import load_settings

PAGE = 2_000
_QUERY = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events
WHERE notification_id > %(after)s AND (%(stream)s::text IS NULL OR originator_id = %(stream)s)
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
    until: datetime | None

    def admits(self, envelope: Envelope) -> bool:
        """What the query did not decide already."""
        if self.actor is not None and envelope.meta.actor != self.actor:
            return False
        if self.since is not None and envelope.recorded_at < self.since:
            return False
        return self.until is None or envelope.recorded_at <= self.until


@explained
def replay(
    team_id: Annotated[str | None, typer.Argument(help="One team; everything without.")] = None,
    stream_name: Annotated[
        str | None, typer.Option("--stream", help="One stream, such as user-ann or key-<hash>.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Recorded at or after (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="Recorded at or before (UTC).")] = None,
    actor: Annotated[str | None, typer.Option(help="User id of whoever did it.")] = None,
    event_type: Annotated[
        list[str] | None, typer.Option("--type", help="Such as team.budget_changed; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Show recorded facts in their order. Personal data stays sealed."""
    if team_id is not None and stream_name is not None:
        raise typer.BadParameter("name a team or a stream, not both")
    chosen = stream(TEAM, team_id) if team_id is not None else stream_name
    wanted = Filter(chosen, event_type or None, actor, _utc(since), _utc(until))
    with any_database(load_settings()) as url:
        envelopes = matching(service_conninfo(url), wanted)
        _print_json(envelopes) if as_json else _print_table(envelopes)


def matching(conninfo: str, wanted: Filter) -> Iterator[Envelope]:
    """Facts that the filter admits, in store order, page by page.

    Raises DatabaseUnusable for a database without a log.
    """
    after = 0
    query: dict[str, Any] = {"stream": wanted.stream, "types": wanted.types, "limit": PAGE}
    with psycopg.connect(conninfo, autocommit=True) as conn:
        while True:
            rows = _page(conn, {**query, "after": after})
            for row in rows:
                envelope = decode(*row)
                if wanted.until is not None and envelope.recorded_at > wanted.until:
                    return
                if wanted.admits(envelope):
                    yield envelope
            if len(rows) < PAGE:
                return
            after = rows[-1][2]


def _page(conn: psycopg.Connection[Any], query: dict[str, Any]) -> list[Any]:
    try:
        return conn.execute(_QUERY, query, binary=True).fetchall()
    except psycopg.errors.UndefinedTable:
        raise DatabaseUnusable("it has no events: `teamledger serve` never ran on it") from None


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


def _print_json(envelopes: Iterator[Envelope]) -> None:
    for envelope in envelopes:
        sys.stdout.write(orjson.dumps(as_object(envelope)).decode() + "\n")


def _print_table(envelopes: Iterator[Envelope]) -> None:
    names = ("position", "recorded at", "stream", "fact", "actor", "data")
    table = Table(*(Column(name, overflow="fold") for name in names))
    for envelope in envelopes:
        fact = as_object(envelope)
        table.add_row(
            str(fact["position"]),
            fact["recorded_at"],
            cell(fact["stream"]),
            fact["type"],
            cell(fact["actor"] or ""),
            cell(orjson.dumps(fact["data"]).decode()),
        )
    if table.row_count:
        print_table(table)
    else:
        typer.echo("no facts match")


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC)
