"""kill -9 in the middle of deleting a user of many teams: all of it happens, and once."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.loop import CREATOR, until
from tests.support.oracle import assert_projected
from tests.support.service import MASTER_KEY, ServiceProcess, Start, free_port
from tests.support.stored import StoredFact, count, stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
TEAMS = 600
NAMES = [f"team {number}" for number in range(TEAMS)]
CHORES = "SELECT count(*) FROM ops.chores"
LINKS = "SELECT count(*) FROM ops.dependents WHERE parent = 'user-ann'"


def client_of(service: ServiceProcess) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    return httpx.AsyncClient(base_url=service.base_url, timeout=60, headers=headers)


async def post(client: httpx.AsyncClient, path: str, **body: object) -> httpx.Response:
    answered = await client.post(path, json=body)
    assert answered.status_code == 200, answered.text
    return answered


async def populate(service: ServiceProcess) -> None:
    """Ann in 600 teams with a key in each, and bob in the first of them."""
    async with client_of(service) as client:
        for start in range(0, TEAMS, 50):
            names = NAMES[start : start + 50]
            await asyncio.gather(*(post(client, "/team/new", team_id=name) for name in names))
        await post(client, "/user/new", user_id="bob", teams=NAMES[:1], auto_create_key=False)
        for start in range(0, TEAMS, 300):
            teams = [{"user_id": "ann", "role": "user"}]
            adding = (
                post(client, "/team/member_add", team_id=name, member=teams)
                for name in NAMES[start : start + 300]
            )
            await asyncio.gather(*adding)
        for start in range(0, TEAMS, 50):
            making = (
                post(client, "/key/generate", team_id=name, user_id="ann", key_alias=name)
                for name in NAMES[start : start + 50]
            )
            await asyncio.gather(*making)


def ends(facts: list[StoredFact], topic: str) -> Counter[str]:
    return Counter(fact.stream for fact in facts if fact.topic == topic)


async def test_s14_a_user_of_600_teams_is_gone_from_all_of_them_exactly_once(
    start_service: Start, data_dir: Path
) -> None:
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir), "TEAMLEDGER_PORT": str(free_port())}
    service = start_service(env)
    await populate(service)
    url = EmbeddedServer(data_dir).conninfo()
    async with client_of(service) as client:
        assert (await post(client, "/user/delete", user_ids=["ann"])).json() == 1
    service.kill()

    for _ in range(3):
        service = await asyncio.to_thread(start_service, env)
        await _some_more(url)
        assert count(url, LINKS) > 0, "it was to be killed in the middle"
        service.kill()
    service = await asyncio.to_thread(start_service, env)
    await until(lambda: count(url, CHORES) + count(url, LINKS) == 0, 60)
    facts = stored_facts(url)
    left = ends(facts, "team.member_removed")
    assert left == Counter(f"team-{name}" for name in NAMES)
    gone = ends(facts, "key.deleted")
    assert (len(gone), set(gone.values())) == (TEAMS, {1})
    assert {f.data["cause"] for f in facts if f.topic == "key.deleted"} == {"user"}
    assert ends(facts, "user.deleted") == Counter({"user-ann": 1})
    async with client_of(service) as client:
        shown = await client.get("/team/info", params={"team_id": NAMES[0]})
        roster = shown.json()["team_info"]["members_with_roles"]
    assert [member["user_id"] for member in roster] == [CREATOR, "bob"]
    assert_projected(url)
    assert service.stop() == 0


async def _some_more(url: str) -> None:
    """Return once one more portion is recorded."""
    before = count(url, LINKS)
    await until(lambda: count(url, LINKS) < before)
