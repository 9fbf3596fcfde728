"""GET /audit and /audit/{id}: what was done, by whom, and to what (supporting-api.md 7)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from events.envelope import Meta
from events.team import TeamBlocked, TeamRenamed
from events.user import UserCreated, UserEmailChanged
from services.access.credentials import hash_key
from services.database.connections import open_pool, service_conninfo
from services.database.embedded import EmbeddedServer
from services.database.vault import Vault
from tests.support.eventlog import START
from tests.support.facts import created, joined, user_settings
from tests.support.postgres import fresh_database
from tests.support.reading import ROOT_KEY, Json, World, reading, team, user

ADMIN = Meta("c-admin", "/team/update", actor="root", actor_key="k-root", actor_role="proxy_admin")


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Positions 1 to 9, to be read only: two users, a team with a member, its renaming and a
    block, three keys."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.user("pat", role="proxy_admin_viewer")
            await world.user("ann", "ann@example.com")
            world.tell((team("team-1"), created(team_alias="One")), (team("team-1"), joined("ann")))
            renamed = TeamRenamed(before="One", after="Two")
            world.tell((team("team-1"), renamed), meta=ADMIN)
            world.tell((team("team-1"), TeamBlocked()), meta=replace(ADMIN, command_id="c-2"))
            world.key("sk-pat", user_id="pat")
            world.key("sk-ann", user_id="ann", team_id="team-1")
            world.key("sk-eve", user_id="eve")
            yield world


@pytest.fixture(scope="module")
async def growing(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """A log that tests add to."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            yield world


def positions(page: Json) -> list[int]:
    return [entry["position"] for entry in page["audit_logs"]]


async def test_the_newest_entries_come_first_one_for_each_command_and_thing(world: World) -> None:
    page = await world.ok("/audit")
    assert positions(page) == [9, 8, 7, 6, 5, 3, 2, 1]
    assert {name: page[name] for name in page if name != "audit_logs"} == {
        "total": 8,
        "page": 1,
        "page_size": 10,
        "total_pages": 1,
    }


async def test_an_entry_says_who_did_what_to_what(world: World) -> None:
    [entry] = (await world.ok("/audit", object_id="team-1", action="updated"))["audit_logs"]
    assert entry["changed_by"] == "root"
    assert entry["changed_by_api_key"] == "k-root"
    assert entry["table_name"] == "LiteLLM_TeamTable"
    assert entry["before_value"] == {"team_alias": "One"}
    assert entry["updated_values"] == {"team_alias": "Two"}
    assert entry["command"] == "/team/update"
    assert entry["on_behalf_of"] is None
    assert await world.ok(f"/audit/{entry['id']}") == entry


async def test_where_nothing_is_recorded_no_copy_is_given(world: World) -> None:
    for copy in ("/v1/audit/export", "/v1/access/review"):
        status, text = await world.refused(copy)
        assert status == 503
        assert text == "Copies are recorded before they are taken, and nothing is recorded here"


async def test_viewers_read_it_and_nobody_else(world: World) -> None:
    page = await world.ok("/audit", "sk-pat")
    first = page["audit_logs"][0]
    assert await world.ok(f"/audit/{first['id']}", "sk-pat") == first
    for path in ("/audit", f"/audit/{first['id']}", "/audit/unknown"):
        status, text = await world.refused(path, "sk-eve")
        assert status == 401
        assert text == (
            "Authentication Error, Only proxy admin can be used to generate, delete, update info "
            f"for new keys/users/teams. Route={path}. Your role=unknown. Your user_id=***"
        )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"action": "created"}, [9, 8, 7, 3, 2, 1]),
        ({"action": "blocked"}, [6]),
        ({"table_name": "LiteLLM_UserTable"}, [2, 1]),
        ({"object_id": "team-1"}, [6, 5, 3]),
        ({"object_id": "team"}, []),
        ({"changed_by": "root"}, [6, 5]),
        ({"changed_by_api_key": "k-root"}, [6, 5]),
        ({"object_team_id": "team-1"}, [8, 6, 5, 3]),
        ({"object_team_id": "eam-"}, [8, 6, 5, 3]),
        ({"object_key_hash": hash_key("sk-ann")}, [8]),
        ({"object_key_hash": hash_key("sk-ann")[3:20]}, [8]),
        ({"object_team_id": "team-1", "action": "created", "changed_by": "root"}, []),
        ({"page_size": "2", "page": "2"}, [7, 6]),
        ({"page": "9"}, []),
        ({"sort_order": "asc", "page_size": "3"}, [1, 2, 3]),
        ({"sort_by": "action", "sort_order": "asc"}, [6, 1, 2, 3, 7, 8, 9, 5]),
        ({"sort_by": "table_name", "page_size": "4"}, [9, 8, 7, 2]),
    ],
)
async def test_entries_are_found_and_sorted(
    world: World, query: dict[str, str], expected: list[int]
) -> None:
    page = await world.ok("/audit", **{"sort_by": "updated_at", **query})
    assert positions(page) == expected


async def test_both_ends_of_a_period_belong_to_it(world: World) -> None:
    third, fifth = (START + timedelta(seconds=n) for n in (3, 5))
    for start, end in (
        (third.isoformat(), fifth.isoformat()),
        (third.isoformat().replace("+00:00", "Z"), "2026-03-11T15:27:50.123456+02:00"),
        ("2026-03-11T13:27:48.123456", "2026-03-11T13:27:50.123456"),
    ):
        assert positions(await world.ok("/audit", start_date=start, end_date=end)) == [5, 3]
    assert (await world.ok("/audit", start_date="2027-01-01"))["total"] == 0
    assert (await world.ok("/audit", end_date="0001-01-01T00:00:00+14:00"))["total"] == 0
    assert (await world.ok("/audit", end_date="9999-12-31T23:59:59-14:00"))["total"] == 8


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "0"),
        ("page_size", "101"),
        ("sort_by", "before_value"),
        ("sort_by", "id; DROP TABLE read.audit_1"),
        ("sort_order", "up"),
        ("start_date", "yesterday"),
        ("end_date", "2026-13-01"),
        ("end_date", "99999-01-01T00:00:00Z"),
        ("object_id", "\0"),
    ],
)
async def test_what_cannot_be_asked_for_is_422(world: World, name: str, value: str) -> None:
    answered = await world.get("/audit", "sk-pat", None, **{name: value})
    assert answered.status_code == 422
    assert answered.json()["detail"][0]["loc"] == ["query", name]


async def test_an_unknown_entry_is_404(world: World) -> None:
    answered = await world.get("/audit/nope")
    assert answered.status_code == 404
    assert answered.json() == {"detail": {"message": "Audit log with ID nope not found"}}
    assert (await world.get("/audit/a%00b")).json()["detail"][0]["loc"] == ["path", "id"]


async def test_a_claim_is_opened_and_counts_only_for_proxy_admins(growing: World) -> None:
    claim = await growing.sealed("alice@corp.example", "alice@corp.example")
    for role, changed_by in (("proxy_admin", "alice@corp.example"), ("internal_user", "bob")):
        meta = Meta(f"c-{role}", "/x", actor="bob", actor_role=role, on_behalf_of=claim)
        growing.tell((team("claimed"), TeamBlocked()), meta=meta)
        [entry] = (await growing.ok("/audit", page_size=1))["audit_logs"]
        assert (entry["actor"], entry["changed_by"]) == ("bob", changed_by)
        assert entry["on_behalf_of"] == "alice@corp.example"
        assert await growing.ok(f"/audit/{entry['id']}") == entry


async def test_personal_data_is_opened(growing: World) -> None:
    before, after = [await growing.sealed(text, "zoe") for text in ("old@x.org", "new@x.org")]
    await growing.user("zoe", "old@x.org")
    change = UserEmailChanged(before=before, after=after, before_claim="a", after_claim="b")
    [at] = growing.tell((user("zoe"), change))
    entry = await growing.ok(f"/audit/{at.event_id}")
    assert entry["before_value"] == {"user_email": "old@x.org"}
    assert entry["updated_values"] == {"user_email": "new@x.org"}


async def test_of_a_forgotten_person_nothing_is_shown(growing: World) -> None:
    async with await open_pool(service_conninfo(growing.url), 1, 1, "other") as pool:
        vault = Vault(pool, ROOT_KEY)
        await vault.open()
        box = await vault.seal_for(None, "gone@x.org", named="gone")
        async with pool.connection() as connection:
            await connection.execute("DELETE FROM ops.person_keys WHERE person = %s", [box.person])
    settings = user_settings(person=box.person, email=box)
    [at] = growing.tell((user("gone"), UserCreated(settings=settings)))
    assert (await growing.ok(f"/audit/{at.event_id}"))["updated_values"]["user_email"] is None
    growing.team("of-gone", {"gone": "user"})
    info = await growing.ok("/team/info", team_id="of-gone")
    assert info["team_info"]["members_with_roles"][0]["user_email"] is None


async def test_what_only_looks_like_sealed_data_is_not_opened_for_anybody(growing: World) -> None:
    box = await growing.sealed("a secret of ann", "ann")
    forged = {"sealed": box.model_dump()}
    growing.tell((team("forged"), created(metadata={"user_email": forged}, team_alias="x")))
    answered = await growing.get("/audit", object_id="forged")
    assert "a secret of ann" not in answered.text
    [entry] = answered.json()["audit_logs"]
    assert entry["updated_values"]["metadata"] == {"user_email": forged}
    token = growing.key("sk-forged", extra={"user_email": forged})
    [entry] = (await growing.ok("/audit", object_id=token))["audit_logs"]
    assert entry["updated_values"]["user_email"] == forged


async def test_secrets_are_masked(growing: World) -> None:
    secret = {"api_key": "very-secret-value-of-a-provider"}
    growing.tell((team("masked"), created(metadata=secret)))
    text = (await growing.get("/audit", object_id="masked")).text
    assert "very-secret" not in text


async def test_the_total_follows_what_is_added(growing: World) -> None:
    query = {"object_id": "counted"}
    for count in range(1, 5):
        growing.tell((team("counted"), TeamBlocked()))
        page = await growing.ok("/audit", page_size=2, **query)
        assert (page["total"], page["total_pages"]) == (count, -(-count // 2))
