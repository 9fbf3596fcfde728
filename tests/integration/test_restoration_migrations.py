"""What was deleted before teams could come back comes back as well."""

from pathlib import Path

from events.key import Cause, KeyDeleted
from events.registry import DomainEvent
from events.streams import KEY, TEAM, stream
from events.team import TeamDeleted
from services.command.domain.dependents import links
from services.database.migrations import migrate
from tests.support.eventlog import MIGRATIONS, History, append, create_read, create_store, owner
from tests.support.facts import created, generated, key_settings, settings
from tests.support.projected import contents, project

OF_CORE = {"team_id": "core", "team_incarnation": 1}


def migration(kind: str) -> Path:
    [file] = (MIGRATIONS / kind).glob("*_restoration*.sql")
    return file


def test_keys_that_went_with_a_team_are_found_by_it(database_url: str) -> None:
    file, history = migration("events"), History()
    migrate(database_url, file.parent, upto=int(file.name[:4]) - 1)
    causes: list[Cause] = ["team", "key", "member"]
    facts: list[tuple[str, DomainEvent]] = [
        (
            cause,
            KeyDeleted(settings=key_settings(metadata={"a": "\\u0000"}, **OF_CORE), cause=cause),
        )
        for cause in causes
    ]
    envelopes = history.command(*((stream(KEY, name), fact) for name, fact in facts))
    with owner(database_url) as conn:
        append(conn, envelopes)
        create_store(database_url)
        found = set(conn.execute("SELECT parent, kind, child, since FROM ops.dependents"))
    expected = [link for at in envelopes for link in links(at) if link.action == "add"]
    assert found == {(link.parent, link.kind, link.child, link.since) for link in expected}
    assert [child for _, _, child, _ in found] == ["key-team"]


async def test_teams_know_where_they_ended(database_url: str) -> None:
    """As they do when their rows are made anew."""
    history = History()
    told = [
        history.command((stream(TEAM, "core"), created()), (stream(TEAM, "live"), created())),
        history.command((stream(KEY, "k"), generated(**OF_CORE))),
        history.command((stream(TEAM, "core"), TeamDeleted(settings=settings(), members_total=0))),
    ]
    create_read(database_url)
    await project(database_url, told)
    with owner(database_url) as conn:
        anew = contents(conn, "teams_1")
        conn.execute("ALTER TABLE read.teams_1 DROP COLUMN gone_at")
        conn.execute(migration("read").read_bytes())
        assert contents(conn, "teams_1") == anew
    assert [row["gone_at"] for row in anew] == [4, None]
