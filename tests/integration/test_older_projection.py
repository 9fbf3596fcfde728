"""What a projection of an older release passes on, what it leaves out, and who tells of it."""

from typing import Any

import psycopg
import pytest

from events import registry
from events.registry import UnknownFact
from events.streams import TEAM, stream
from events.team import TeamBlocked
from services.projection.rebuild import rebuild
from tests.support.eventlog import History, append
from tests.support.facts import created
from tests.support.groups import process, team_facts
from tests.support.projected import contents
from tests.support.reading import reading, team


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


async def test_facts_and_kinds_of_a_newer_release_are_passed_on_as_they_are(
    database_url: str,
) -> None:
    data = {"colour": "red", "since": [1, None]}
    painted = UnknownFact(name="team.painted", version=3, data=data)
    drawn = UnknownFact(name="zone.drawn", version=1, data=data)
    async with reading(database_url, recording=True) as world:
        world.tell((team("core"), created(team_alias="Core")))
        world.tell((team("core"), painted), (stream("zone", "a/b"), drawn))
        world.tell((team("core"), TeamBlocked()))
        page = await world.ok("/v1/events")
        shown = [(each["type"], each["subject"], each["data"]) for each in page["events"][1:3]]
        assert shown == [
            ("teamledger.team.painted.v3", "team/core", data),
            ("teamledger.zone.drawn.v1", "zone/a/b", data),
        ]
        for path in ("/audit", "/v1/audit/export", "/v1/access/review", "/v1/status"):
            assert (await world.get(path)).status_code == 200
        past = (await world.ok("/team/info", team_id="core", as_of=3))["team_info"]
        now = (await world.ok("/team/info", team_id="core"))["team_info"]
        assert (past["blocked"], now["blocked"]) == (False, True)
        history = await world.ok("/v1/teams/core/history", order="asc")
        assert [each["type"] for each in history["entries"]][:2] == ["team.created", "team.painted"]
