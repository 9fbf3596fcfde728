"""Teams of an organization, put into the log as another process would: many of them at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from events.envelope import Envelope, Meta
from events.organization import OrganizationCreated
from events.registry import DomainEvent
from events.streams import KEY, ORGANIZATION, TEAM, Stream, stream
from services.command.domain.dependents import links
from tests.support.eventlog import History, append, owner
from tests.support.facts import created, generated, joined, organization_created
from tests.support.loop import secret_of, token_of

FOUNDED = Meta("founded", "CreateTeam", actor="default_user_id", correlation_id="founded")


def found_teams(
    url: str, organization_id: str, team_ids: Sequence[str], *, members: int = 1, keys: int = 1
) -> list[str]:
    """Teams of an organization that is there; the names of their keys, as `secret_of` has them."""
    facts: list[tuple[Stream, DomainEvent]] = []
    names: list[str] = []
    for team_id in team_ids:
        team = stream(TEAM, team_id)
        facts.append((team, created(organization_id=organization_id, team_alias=team_id)))
        facts += [(team, joined(f"member-{n}")) for n in range(members)]
        for name in (f"{team_id} {n}" for n in range(keys)):
            names.append(name)
            settings = {"key_name": "sk-...", "team_id": team_id, "team_incarnation": 1}
            facts.append((stream(KEY, token_of(name)), generated(**settings)))
    with owner(url) as conn:
        store(conn, facts)
    return names


def found_organization(url: str, organization_id: str) -> None:
    """An organization of nobody, under the budget `b`."""
    fact: OrganizationCreated = organization_created()
    with owner(url) as conn:
        store(conn, [(stream(ORGANIZATION, organization_id), fact)])


def store(
    conn: psycopg.Connection[Any], facts: Sequence[tuple[Stream, DomainEvent]]
) -> list[Envelope]:
    """One command, of streams that are new, with the links that its facts make."""
    with conn.transaction():
        [head] = conn.execute("SELECT events.lock_head()").fetchone() or (0,)
        history, now = History(position=head), datetime.now(UTC)
        told = history.command(*facts, meta=FOUNDED)
        envelopes = [replace(at, recorded_at=now) for at in told]
        append(conn, envelopes)
        rows = [(x.parent, x.kind, x.child, x.since) for at in envelopes for x in links(at)]
        conn.cursor().executemany("INSERT INTO ops.dependents VALUES (%s, %s, %s, %s)", rows)
    return envelopes


def key_secrets(names: Sequence[str]) -> list[str]:
    """What callers present who have these keys."""
    return [secret_of(name) for name in names]
