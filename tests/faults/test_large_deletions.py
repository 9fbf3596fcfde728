"""kill -9 in the middle of large deletions: all that hung on it has ended in the end, and once."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.cascades import Large, member, organization, team, user
from tests.support.eventlog import owner
from tests.support.loop import secret_of, until
from tests.support.oracle import assert_projected
from tests.support.organized import store
from tests.support.service import MASTER_KEY, ServiceProcess, Start, free_port
from tests.support.stored import StoredFact, count, stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
KILLS = 2
CHORES = "SELECT count(*) FROM ops.chores"
LINKS = "SELECT count(*) FROM ops.dependents WHERE parent = %s AND kind !~ '^revoked/'"
ENDS = {
    *("organization.deleted", "user.deleted", "team.deleted", "team.member_removed", "key.deleted")
}


async def send(
    service: ServiceProcess, method: str, path: str, body: object, key: str = MASTER_KEY
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=service.base_url, timeout=60, headers=headers) as http:
        return await http.request(method, path, json=body)


async def done(service: ServiceProcess, method: str, path: str, body: object) -> None:
    answer = await send(service, method, path, body)
    assert answer.status_code == 200, answer.text


def ends(facts: list[StoredFact], after: int) -> Counter[tuple[str, str]]:
    """How often each end of something was recorded."""
    return Counter((f.topic, f.stream) for f in facts if f.position > after and f.topic in ENDS)


async def some_more(url: str, large: Large) -> None:
    """Return once one more portion is recorded."""
    before = count(url, LINKS, large.parent)
    await until(lambda: count(url, LINKS, large.parent) < before)


@pytest.mark.parametrize(
    "large", [organization(5_000), user(2_000), team(3_000), member(1_000)], ids=lambda it: it.name
)
async def test_s12_s14_what_is_large_ends_whole_and_once_however_often_it_is_killed(
    start_service: Start, data_dir: Path, large: Large
) -> None:
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir), "TEAMLEDGER_PORT": str(free_port())}
    service = start_service(env)
    url = EmbeddedServer(data_dir).conninfo()
    for path, body in large.found:
        await done(service, "POST", path, body)
    with owner(url) as conn:
        before = store(conn, list(large.facts()))[-1].position
    await done(service, *large.request)
    service.kill()
    for _ in range(KILLS):
        service = await asyncio.to_thread(start_service, env)
        await some_more(url, large)
        service.kill()
        assert count(url, LINKS, large.parent) > 0, "it was to be killed in the middle"
    service = await asyncio.to_thread(start_service, env)
    refused = await send(service, "GET", "/key/info", None, secret_of(large.last_key))
    assert refused.status_code == 401
    await until(lambda: count(url, CHORES) + count(url, LINKS, large.parent) == 0, 200)
    found = ends(stored_facts(url), before)
    assert (found.total(), set(found.values())) == (large.ends, {1})
    assert (await send(service, "GET", "/v2/team/list", None)).status_code == 200
    assert_projected(url)
    assert service.stop() == 0
