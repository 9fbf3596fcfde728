"""What a projection of an older release leaves out of the read models, and who tells of it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from events import registry
from events.streams import TEAM, stream
from events.team import TeamBlocked
from services.projection.rebuild import rebuild
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.groups import process, team_facts
from tests.support.projected import contents


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """As the owner, on empty schemas `events` and `read`."""
    create_store(database_url)
    create_read(database_url)
    with owner(database_url) as conn:
        yield conn


async def test_what_it_did_not_know_is_found_and_repaired_by_a_rebuild(
    conn: psycopg.Connection[Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = History()
    append(conn, team_facts(log, "core"))
    append(conn, log.command((stream(TEAM, "core"), TeamBlocked())))
    with monkeypatch.context() as older:
        older.delitem(registry._types, TeamBlocked.type_name)  # noqa: SLF001
        async with process(database_url) as projection:
            await projection.reach(log.position)
    append(conn, team_facts(log, "next"))
    async with process(database_url) as projection:
        await projection.reach(log.position)
        assert blocked(conn) == {"core": False, "next": False}
        report = await rebuild(projection.group, database_url, progress=lambda _, __: None)
    assert {table.table for table in report.tables if not table.equal} == {"teams_1", "audit_1"}
    assert blocked(conn) == {"core": True, "next": False}


def blocked(conn: psycopg.Connection[Any]) -> dict[str, bool]:
    return {row["team_id"]: row["blocked"] for row in contents(conn, "teams_1")}
