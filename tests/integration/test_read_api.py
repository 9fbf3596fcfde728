"""Every read: who is let in, and how fresh the answer is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from events.key import KeyBlocked, KeyDeleted, KeyUnblocked
from events.team import MemberRemoved, TeamBlocked, TeamDeleted, TeamRenamed, TeamUnblocked
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.eventlog import append, owner
from tests.support.facts import joined, key_settings, settings
from tests.support.metrics import value
from tests.support.postgres import fresh_database
from tests.support.reading import MASTER, World, key, reading, team, text_of

READS = ["/team/info", "/team/list", "/v2/team/list", "/audit", "/audit/x", "/key/info"]
UNREADABLE = "The read models cannot answer right now, try again"


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            yield world


@pytest.mark.parametrize("path", READS)
async def test_no_read_answers_without_a_good_key(world: World, path: str) -> None:
    expected = {
        None: "No api key passed in.",
        "": "Malformed API Key passed in. Ensure Key has `Bearer ` prefix.",
        "hello": "LiteLLM Virtual Key expected. Received=****, expected to start with 'sk-'.",
        "sk-wrong": "Invalid proxy server token passed. Received API Key = sk-...rong, Key Hash "
        f"(Token) ={hash_key('sk-wrong')}. Unable to find token in cache or "
        "`LiteLLM_VerificationTokenTable`",
    }
    for by, text in expected.items():
        answered = await world.get(path, by, team_id="unknown", page="no number")
        assert answered.status_code == 401
        assert text_of(answered.json()) == f"Authentication Error, {text}"


async def test_a_missing_or_malformed_key_is_refused_without_the_database(
    postgres_server: EmbeddedServer,
) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            await world.context.group.stop()
            await world.context.read_pool.close()
            for by in (None, "", "hello"):
                assert (await world.get("/team/info", by)).status_code == 401
            assert (await world.get("/team/info", MASTER, team_id="t")).status_code == 503


async def test_an_answer_holds_what_was_appended_before_it_was_asked_for(world: World) -> None:
    world.team("fresh", team_alias="0")
    for number in range(1, 30):
        last = world.tell((team("fresh"), TeamRenamed(before="", after=str(number))))[-1]
        answered = await world.get("/team/info", team_id="fresh")
        assert answered.json()["team_info"]["team_alias"] == str(number)
        assert int(answered.headers["x-event-position"]) >= last.position


@pytest.mark.parametrize("path", ["/team/list", "/v2/team/list", "/audit", "/key/info"])
async def test_every_answer_names_the_position_it_was_read_at(world: World, path: str) -> None:
    token = world.key(f"sk-{path}")
    answered = await world.get(path, key=token) if "key" in path else await world.get(path)
    assert int(answered.headers["x-event-position"]) == world.history.position


async def test_a_key_is_refused_from_the_first_request_after_its_end(world: World) -> None:
    world.team("ends", {"ann": "user"})
    mine = {"user_id": "ann", "team_id": "ends"}
    for secret in ("sk-blocked", "sk-deleted", "sk-removed", "sk-over"):
        world.key(secret, **mine)
        assert (await world.get("/team/info", secret, team_id="ends")).status_code == 200
    world.tell((key("sk-blocked"), KeyBlocked()))
    status, text = await world.refused("/team/info", "sk-blocked", team_id="ends")
    assert (status, text) == (
        401,
        "Authentication Error, Key is blocked. Update via `/key/unblock` if you're admin.",
    )
    world.tell((key("sk-deleted"), KeyDeleted(settings=key_settings(**mine))))
    assert "Unable to find token" in (await world.refused("/team/info", "sk-deleted"))[1]
    world.tell((team("ends"), MemberRemoved(user_id="ann", role="user")))
    assert "Unable to find token" in (await world.refused("/team/info", "sk-removed"))[1]


async def test_a_key_goes_with_its_membership_and_does_not_come_back_with_another(
    world: World,
) -> None:
    world.team("again", {"ann": "user"})
    world.key("sk-again", user_id="ann", team_id="again")
    world.tell((team("again"), MemberRemoved(user_id="ann", role="user")))
    world.tell((team("again"), joined("ann")))
    assert (await world.refused("/team/info", "sk-again", team_id="again"))[0] == 401


async def test_a_key_of_an_earlier_life_of_its_team_is_void(world: World) -> None:
    world.team("reborn")
    world.key("sk-first-life", team_id="reborn")
    world.tell((team("reborn"), TeamDeleted(settings=settings(), members_total=0)))
    assert (await world.refused("/team/info", "sk-first-life", team_id="reborn"))[0] == 401
    world.team("reborn")
    assert (await world.refused("/team/info", "sk-first-life", team_id="reborn"))[0] == 401


async def test_a_blocked_team_locks_its_keys_out_until_it_is_unblocked(world: World) -> None:
    world.team("shut")
    world.key("sk-shut", team_id="shut")
    world.tell((team("shut"), TeamBlocked()))
    assert await world.refused("/team/info", "sk-shut", team_id="shut") == (
        401,
        "Authentication Error, Team=shut is blocked. Update via `/team/unblock` if your admin.",
    )
    world.tell((team("shut"), TeamUnblocked()))
    assert (await world.get("/team/info", "sk-shut", team_id="shut")).status_code == 200


async def test_an_expired_key_is_refused_though_nothing_happened(world: World) -> None:
    world.team("late")
    now = datetime.now(UTC)
    world.key("sk-early", team_id="late", expires=now + timedelta(hours=1))
    world.key("sk-late", team_id="late", expires=now - timedelta(seconds=1))
    assert (await world.get("/team/info", "sk-early", team_id="late")).status_code == 200
    answered = await world.get("/team/info", "sk-late", team_id="late")
    assert answered.status_code == 400
    assert answered.json()["error"]["type"] == "expired_key"
    assert answered.json()["error"]["param"] == "sk-...late"


async def test_an_unblocked_key_works_again(world: World) -> None:
    token = world.key("sk-back", user_id="back")
    world.tell((key("sk-back"), KeyBlocked()))
    assert (await world.get("/key/info", "sk-back", key=token)).status_code == 401
    world.tell((key("sk-back"), KeyUnblocked()))
    assert (await world.get("/key/info", "sk-back", key=token)).status_code == 200


async def test_a_keys_own_routes_only_narrow(world: World) -> None:
    await world.user("root", role="proxy_admin")
    world.key("sk-narrow", user_id="root", allowed_routes=["/team/list", "/audit"])
    for path in ("/team/list", "/audit"):
        assert (await world.get(path, "sk-narrow")).status_code == 200
    assert (await world.get("/audit/unknown", "sk-narrow")).status_code == 404
    answered = await world.get("/team/info", "sk-narrow", team_id="t")
    assert answered.status_code == 403
    assert answered.json()["detail"].startswith("Virtual key is not allowed to call this route.")


async def test_a_read_waits_for_the_position_it_asks_for(world: World) -> None:
    world.team("awaited")
    position = world.history.position
    asked = asyncio.create_task(
        world.get("/team/info", team_id="awaited", min_position=position + 1)
    )
    world.tell((team("awaited"), TeamRenamed(before=None, after="here")))
    answered = await asked
    assert answered.json()["team_info"]["team_alias"] == "here"
    by_header = {"x-min-position": str(position + 1)}
    assert (await world.get("/team/list", headers=by_header)).status_code == 200


async def test_a_position_that_is_not_reached_in_time_is_503(world: World) -> None:
    beyond = world.history.position + 1
    answered = await world.get("/team/list", min_position=beyond)
    assert answered.status_code == 503
    assert answered.headers["retry-after"] == "1"
    assert answered.json()["error"]["message"] == UNREADABLE


@pytest.mark.parametrize("text", ["", "-1", "1.5", "abc", "٣", "9" * 19, "9" * 5000])
async def test_what_is_no_position_is_422_once_the_caller_is_known(world: World, text: str) -> None:
    answered = await world.get("/team/list", min_position=text)
    assert answered.status_code == 422
    assert answered.json()["detail"][0]["loc"] == ["query", "min_position"]
    assert (await world.get("/team/list", None, min_position=text)).status_code == 401


async def test_alive_is_said_to_everybody(world: World) -> None:
    for path in ("/health/liveliness", "/health/liveness"):
        answered = await world.get(path, None)
        assert (answered.status_code, answered.json()) == (200, "I'm alive!")


async def test_ready_means_at_the_head_and_taking_commands(world: World) -> None:
    world.team("ready")
    answered = await world.get("/health/readiness", None)
    assert answered.status_code == 200
    position = world.history.position
    expected = {"status": "healthy", "position": position, "litellm_version": "1.82.2"}
    assert answered.json() == expected
    world.stopped = "commands are not taken"
    refused = await world.get("/health/readiness", None)
    world.stopped = None
    assert refused.status_code == 503
    reason = "commands are not taken"
    assert refused.json() == {"status": "unhealthy", "check": "commands", "reason": reason}


async def test_failed_projections_answer_nothing_and_readiness_says_why(
    postgres_server: EmbeddedServer,
) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            world.team("t")
            assert (await world.get("/team/info", team_id="t")).status_code == 200
            with owner(url) as conn:
                conn.execute(
                    "INSERT INTO events.stored_events VALUES ('team-t', 9, 'team.renamed', "
                    """'{"id":"x","at":"2026-01-01T00:00:00Z","inc":1,"n":[0,1],"meta":{},"""
                    """"v":1,"data":{"nonsense":true}}', 2)"""
                )
            for path in READS:
                answered = await world.get(path, team_id="t")
                assert answered.status_code == 503
                assert answered.json()["error"]["type"] == "service_unavailable"
            readiness = await world.get("/health/readiness", None)
            assert readiness.status_code == 503
            assert "team.renamed at position 2" in readiness.json()["reason"]
            assert "nonsense" not in readiness.text
            told = (await world.get("/metrics", None)).text
            assert value(told, "teamledger_projection_stopped") == 1
            reason = {"reason": "not_reached"}
            assert value(told, "teamledger_reads_unavailable_total", **reason) >= len(READS)


async def test_a_store_that_was_put_back_is_not_answered_from_what_came_later(
    postgres_server: EmbeddedServer,
) -> None:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            world.team("kept")
            world.team("lost")
            assert (await world.get("/team/info", team_id="lost")).status_code == 200
            with owner(url) as conn:
                conn.execute("DELETE FROM events.stored_events WHERE notification_id > 1")
                conn.execute("UPDATE events.store SET epoch = gen_random_uuid()")
                append(conn, world.history.command((team("new"), TeamBlocked())))
            await world.context.group.stop()
            await world.context.group.run()
            assert (await world.get("/team/info", team_id="lost")).status_code == 503


async def test_a_lost_connection_is_503_and_the_next_answer_is_good(world: World) -> None:
    world.team("survivor")
    assert (await world.get("/team/info", team_id="survivor")).status_code == 200
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user "
    with psycopg.connect(world.url, autocommit=True) as conn:
        conn.execute(end + "AND datname = current_database() AND application_name = 'teamledger'")
    statuses = {(await world.get("/team/info", team_id="survivor")).status_code for _ in range(20)}
    assert statuses <= {200, 503}
    assert (await world.get("/team/info", team_id="survivor")).status_code == 200
