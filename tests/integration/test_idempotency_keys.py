"""`Idempotency-Key` over HTTP: who repeats a request gets its first answer (architecture, 4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from httpx import ASGITransport, AsyncClient, Response

from services.command.api.app import answer_command_errors, include_command_routes
from services.command.api.context import POSITION_HEADER, Context
from services.command.application.idempotency import Idempotency
from services.command.application.ledger import Ledger
from services.command.application.ledger_store import LedgerStore
from services.command.application.quarantine import Quarantine
from services.edge.app import create_app
from tests.support.loop import Writer, opened_writer, secret_of, until
from tests.support.service import MASTER_KEY
from tests.support.stored import append_lock, count, created, stored_facts, waiting_appends

EVENTS = "SELECT count(*) FROM events.stored_events"
REMEMBERED = "SELECT count(*) FROM ops.idempotency"


@asynccontextmanager
async def client_of(writer: Writer) -> AsyncIterator[AsyncClient]:
    """A client of the command API on a loop; callers are the master unless they say otherwise."""
    app = create_app()
    ledger = Ledger(LedgerStore(writer.pool))
    quarantine = Quarantine(writer.loop, ledger, writer.pool)
    context = Context(
        writer.loop,
        ledger,
        quarantine,
        writer.vault,
        (MASTER_KEY,),
        None,
        ZoneInfo("UTC"),
        writer.pool,
    )
    include_command_routes(app, context)
    answer_command_errors(app, strict=False)
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    async with AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as client:
        yield client


@asynccontextmanager
async def service(url: str) -> AsyncIterator[AsyncClient]:
    """A client of the command API on a loop of its own."""
    async with opened_writer(url) as writer, client_of(writer) as client:
        yield client


async def new_team(
    client: AsyncClient, key: str, secret: str = MASTER_KEY, **body: str
) -> Response:
    headers = {"Idempotency-Key": key, "Authorization": f"Bearer {secret}"}
    return await client.post("/team/new", json=body, headers=headers)


def shown(response: Response) -> tuple[int, Any, str | None]:
    return response.status_code, response.json(), response.headers.get(POSITION_HEADER)


async def test_a_repeat_gets_the_same_answer_and_position(url: str) -> None:
    async with service(url) as client:
        first = await new_team(client, "k", team_alias="one")
        await client.post("/team/new", json={"team_alias": "between"})
        events = count(url, EVENTS)
        repeat = await new_team(client, "k", team_alias="one")
        other = await new_team(client, "k2", team_alias="one")
    assert first.status_code == 200
    assert shown(repeat) == shown(first)
    assert repeat.headers[POSITION_HEADER] != str(events)
    assert other.json()["team_id"] != first.json()["team_id"]


async def test_a_command_without_effect_is_remembered_too(url: str) -> None:
    async with service(url) as client:
        await client.post("/team/new", json={"team_id": "t"})
        same = {"team_id": "t", "blocked": False}
        headers = {"Idempotency-Key": "k"}
        first = await client.post("/team/update", json=same, headers=headers)
        events = count(url, EVENTS)
        await client.post("/team/block", json={"team_id": "t"})
        repeat = await client.post("/team/update", json=same, headers=headers)
    assert shown(repeat) == shown(first)
    assert first.json()["data"]["blocked"] is False
    assert count(url, EVENTS) == events + 1


async def test_another_body_or_route_under_the_same_key_is_422(url: str) -> None:
    async with service(url) as client:
        await new_team(client, "k", team_id="t")
        events = count(url, EVENTS)
        other_body = await new_team(client, "k", team_id="u")
        other_route = await client.post(
            "/team/block", json={"team_id": "t"}, headers={"Idempotency-Key": "k"}
        )
    assert [other_body.status_code, other_route.status_code] == [422, 422]
    assert "Idempotency-Key k" in other_body.json()["error"]["message"]
    assert count(url, EVENTS) == events


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_a_key_that_is_none_is_refused(url: str, key: str) -> None:
    async with service(url) as client:
        refused = await new_team(client, key, team_id="t")
    assert refused.status_code == 400
    assert created(url, "t") == 0


async def test_callers_do_not_share_their_keys(url: str) -> None:
    async with service(url) as client:
        for user in ("ann", "bob"):
            body = {"user_id": user, "user_role": "proxy_admin", "auto_create_key": False}
            assert (await client.post("/user/new", json=body)).status_code == 200
            own = {"user_id": user, "key": secret_of(user)}
            assert (await client.post("/key/generate", json=own)).status_code == 200
        answers = [
            await new_team(client, "k", secret, team_alias="mine")
            for secret in (MASTER_KEY, secret_of("ann"), secret_of("bob"), secret_of("ann"))
        ]
    assert [answer.status_code for answer in answers] == [200] * 4
    ids = [answer.json()["team_id"] for answer in answers]
    assert ids[1] == ids[3]
    assert len(set(ids)) == 3


async def test_a_caller_whose_key_is_gone_gets_no_old_answers(url: str) -> None:
    secret = secret_of("ann")
    async with service(url) as client:
        body = {"user_id": "ann", "user_role": "proxy_admin", "auto_create_key": False}
        await client.post("/user/new", json=body)
        await client.post("/key/generate", json={"user_id": "ann", "key": secret})
        assert (await new_team(client, "k", secret, team_id="t")).status_code == 200
        await client.post("/key/delete", json={"keys": [secret]})
        refused = await new_team(client, "k", secret, team_id="t")
    assert refused.status_code == 401
    assert "token_not_found_in_db" in refused.text


async def test_repeats_at_the_same_time_wait_for_the_first(url: str) -> None:
    async with opened_writer(url) as writer, client_of(writer) as client:
        with append_lock(url) as holder:
            first = asyncio.create_task(new_team(client, "k", team_alias="one"))
            await until(lambda: waiting_appends(holder) == 1)
            repeats = [new_team(client, "k", team_alias="one") for _ in range(9)]
            others = [new_team(client, "k", team_alias="two") for _ in range(3)]
            waiting = asyncio.gather(first, *repeats, *others)
            await until(lambda: writer.loop.queued == 12)
        answers = await waiting
    assert {str(shown(answer)) for answer in answers[:10]} == {str(shown(answers[0]))}
    assert [answer.status_code for answer in answers] == [200] * 10 + [422] * 3
    assert [f.topic for f in stored_facts(url)].count("team.created") == 1


async def test_repeats_through_two_loops_are_carried_out_once(url: str) -> None:
    async with service(url) as a, service(url) as b:
        rounds = [
            await asyncio.gather(*(new_team(c, f"k{n}", team_alias="x") for c in (a, b) * 5))
            for n in range(10)
        ]
    for answers in rounds:
        assert {str(shown(answer)) for answer in answers} == {str(shown(answers[0]))}
        assert answers[0].status_code == 200
    assert [f.topic for f in stored_facts(url)].count("team.created") == 10
    assert count(url, REMEMBERED) == 10


async def test_repeats_after_a_restart_get_the_first_answer(url: str) -> None:
    async with service(url) as client:
        first = await new_team(client, "k", team_alias="one")
    async with service(url) as client:
        assert shown(await new_team(client, "k", team_alias="one")) == shown(first)
    assert [f.topic for f in stored_facts(url)].count("team.created") == 1


async def test_what_is_remembered_can_be_read_by_its_caller_only(url: str) -> None:
    async with service(url) as client:
        made = await client.post(
            "/key/generate", json={"key_alias": "alias"}, headers={"Idempotency-Key": "k"}
        )
    secret: str = made.json()["key"]
    with psycopg.connect(url) as conn:
        rows = conn.execute("SELECT answer, body_hash FROM ops.idempotency").fetchall()
        dump = conn.execute("SELECT i::text FROM ops.idempotency i").fetchall()
    (answer, body_hash), *more = rows
    assert not more
    assert secret.encode() not in answer
    assert b"alias" not in answer
    assert MASTER_KEY not in dump[0][0]
    mine = Idempotency.of(MASTER_KEY, "k", "/key/generate", b'{"key_alias":"alias"}')
    assert mine.body_hash == body_hash
    assert mine.open(answer)["key"] == secret
    with pytest.raises(InvalidTag):
        Idempotency.of("sk-other", "k", "/key/generate", b'{"key_alias":"alias"}').open(answer)


async def test_refusals_are_not_remembered(url: str) -> None:
    member = {"team_id": "t", "member": {"role": "user", "user_id": "ann"}}
    headers = {"Idempotency-Key": "k"}
    async with service(url) as client:
        refused = await client.post("/team/member_add", json=member, headers=headers)
        assert refused.status_code == 404
        assert count(url, REMEMBERED) == 0
        await client.post("/team/new", json={"team_id": "t"})
        accepted = await client.post("/team/member_add", json=member, headers=headers)
    assert accepted.status_code == 200
    assert count(url, REMEMBERED) == 1
