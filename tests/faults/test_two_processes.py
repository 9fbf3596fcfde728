"""Two service processes on one database behave as one, over HTTP."""

import asyncio
import time
from collections import Counter

import httpx
import pytest

from tests.support.load import load
from tests.support.loop import CREATOR
from tests.support.oracle import assert_projected
from tests.support.pair import Clients, bearer, done, post
from tests.support.service import MASTER_KEY, ServiceProcess
from tests.support.stored import created, stored_facts

pytestmark = pytest.mark.faults

MEMBER = {"role": "user"}


async def members(client: httpx.AsyncClient, team_id: str) -> list[str]:
    answer = await client.get("/team/info", params={"team_id": team_id}, headers=bearer(MASTER_KEY))
    roster = answer.json()["team_info"]["members_with_roles"]
    return [member["user_id"] for member in roster]


@pytest.mark.parametrize("processes", [1, 2])
async def test_fifty_parallel_additions_leave_fifty_members(
    url: str, clients: Clients, processes: int
) -> None:
    team_id = f"fifty through {processes}"
    users = [f"{team_id}: {n}" for n in range(50)]
    await done(clients[0], "/team/new", team_id=team_id)
    adding = [
        post(
            clients[n % processes],
            "/team/member_add",
            team_id=team_id,
            member={"role": "user", "user_id": user},
        )
        for n, user in enumerate(users)
    ]
    answers = await asyncio.gather(*adding)
    assert [answer.status_code for answer in answers] == [200] * 50
    seen = [await members(client, team_id) for client in clients]
    assert seen[0] == seen[1]
    assert sorted(seen[0]) == sorted([CREATOR, *users])
    facts = [f for f in stored_facts(url) if f.stream == f"team-{team_id}"]
    assert [f.data["user_id"] for f in facts[1:]] == seen[0]


@pytest.mark.parametrize("processes", [1, 2])
async def test_twenty_parallel_creations_make_one_team(
    url: str, clients: Clients, processes: int
) -> None:
    team_id = f"one of twenty through {processes}"
    creating = [post(clients[n % processes], "/team/new", team_id=team_id) for n in range(20)]
    answers = await asyncio.gather(*creating)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 19}
    text = f"Team id = {team_id} already exists. Please use a different team id."
    refusals = [answer.json() for answer in answers if answer.status_code == 400]
    assert all(refusal["error"]["message"] == text for refusal in refusals)
    assert created(url, team_id) == 1


async def test_an_idempotency_key_counts_in_both_processes(clients: Clients) -> None:
    a, b = clients
    headers = {**bearer(MASTER_KEY), "Idempotency-Key": "k"}
    sent = [c.post("/team/new", json={"team_alias": "x"}, headers=headers) for c in (a, b) * 5]
    answers = await asyncio.gather(*sent)
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    other = [await c.post("/team/new", json={}, headers=headers) for c in (a, b)]
    assert [answer.status_code for answer in other] == [422, 422]


def endings(team_id: str, secret: str) -> list[tuple[str, dict[str, object]]]:
    """What ends a key for good."""
    return [
        ("/key/delete", {"keys": [secret]}),
        ("/team/member_delete", {"team_id": team_id, "user_id": "ann"}),
        ("/team/delete", {"team_ids": [team_id]}),
    ]


async def uses(client: httpx.AsyncClient, secret: str, team_id: str) -> list[int]:
    """What a key gets for a write and for a read, sent one after the other."""
    written = await client.post("/key/generate", json={}, headers=bearer(secret))
    params = {"team_id": team_id}
    read = await client.get("/team/info", params=params, headers=bearer(secret))
    return [written.status_code, read.status_code]


ANN = {"role": "user", "user_id": "ann"}


async def test_a_revoked_key_is_refused_by_the_other_process_at_once(
    url: str, services: list[ServiceProcess], clients: Clients
) -> None:
    """For writes and reads alike, while both processes are busy; and let in again as soon."""
    a, b = clients
    async with load(*(service.base_url for service in services), clients=4) as books:
        for number in range(3):
            team_id, secret = f"revoked {number}", f"sk-revoked-{number}"
            await done(a, "/team/new", team_id=team_id, members_with_roles=[ANN])
            await done(b, "/key/generate", key=secret, team_id=team_id, user_id="ann")
            assert await uses(a, secret, team_id) == [200, 200]
            await done(a, "/team/block", team_id=team_id)
            assert await uses(b, secret, team_id) == [401, 401]
            await done(a, "/team/unblock", team_id=team_id)
            assert await uses(b, secret, team_id) == [200, 200]
            await done(b, "/key/block", key=secret)
            assert await uses(a, secret, team_id) == [401, 401]
            await done(b, "/key/unblock", key=secret)
            assert await uses(a, secret, team_id) == [200, 200]
            route, body = endings(team_id, secret)[number]
            await done(a, route, **body)
            assert await uses(b, secret, team_id) == [401, 401]
    assert (books.unclear, books.lost_connections) == ([], 0)
    assert set(books.statuses) <= {200, 404}
    await members(a, "revoked 0")
    assert_projected(url)


async def test_s07_a_rotated_secret_is_refused_by_the_other_process_at_once(
    url: str, clients: Clients
) -> None:
    """And the new one accepted; with a grace period both, until the key is deleted."""
    a, b = clients
    await done(a, "/team/new", team_id="rotated", members_with_roles=[ANN])
    await done(b, "/key/generate", key="sk-rotated-0", team_id="rotated", user_id="ann")
    for number in range(3):
        here, there = (a, b) if number % 2 else (b, a)
        old, new = f"sk-rotated-{number}", f"sk-rotated-{number + 1}"
        assert await uses(there, old, "rotated") == [200, 200]
        await done(here, "/key/regenerate", key=old, new_key=new)
        assert await uses(there, old, "rotated") == [401, 401]
        assert await uses(there, new, "rotated") == [200, 200]
    last = {"key": "sk-rotated-3", "new_key": "sk-rotated-4", "grace_period": "1h"}
    await done(a, "/key/regenerate", **last)
    for secret in ("sk-rotated-3", "sk-rotated-4"):
        assert await uses(b, secret, "rotated") == [200, 200]
    await done(b, "/key/delete", keys=["sk-rotated-4"])
    for secret in ("sk-rotated-3", "sk-rotated-4"):
        assert await uses(a, secret, "rotated") == [401, 401]
    await members(a, "rotated")
    assert_projected(url)


async def test_of_two_rotations_at_once_one_is_carried_out(clients: Clients) -> None:
    for number in range(5):
        secret = f"sk-contended-{number}"
        await done(clients[0], "/key/generate", key=secret)
        rotations = (post(client, "/key/regenerate", key=secret) for client in clients)
        answers = await asyncio.gather(*rotations)
        assert sorted(answer.status_code for answer in answers) == [200, 404]


async def test_s14_the_keys_of_a_deleted_user_are_refused_by_the_other_process_at_once(
    url: str, clients: Clients
) -> None:
    """In a team and on their own, even those whose end is not recorded yet."""
    a, b = clients
    secrets = [f"sk-of-gone-{number}" for number in range(120)]
    await done(a, "/user/new", user_id="gone", auto_create_key=False)
    await done(a, "/team/new", team_id="gone", members_with_roles=[MEMBER | {"user_id": "gone"}])
    for number, secret in enumerate(secrets):
        team = {"team_id": "gone"} if number % 2 else {}
        await done(a, "/key/generate", key=secret, user_id="gone", **team)
    assert await uses(b, secrets[-1], "gone") == [200, 200]
    await done(a, "/user/delete", user_ids=["gone"])
    assert [await uses(b, secret, "gone") for secret in (secrets[0], *secrets[-3:])] == [
        [401, 401]
    ] * 4
    assert await members(b, "gone") == [CREATOR]
    await done(b, "/user/new", user_id="gone", auto_create_key=False)
    assert await uses(a, secrets[-1], "gone") == [401, 401]
    await asyncio.to_thread(_settled, url, len(secrets))
    await members(a, "gone")
    assert_projected(url)


def _settled(url: str, keys: int) -> None:
    """Return once the end of every key of the deleted user is recorded."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        causes = [f.data["cause"] for f in stored_facts(url) if f.topic == "key.deleted"]
        if causes.count("user") >= keys:
            return
        time.sleep(0.2)
    raise TimeoutError
