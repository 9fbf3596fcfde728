"""What one of two busy processes is told, the other one's decisions know from the next one on.

Decisions about one key are asked for through both processes without a pause; in the middle of it
the key loses its right, or the last of its budget.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.faults.test_revocation_under_load import ENDS, Act, by
from tests.support.load import load
from tests.support.pair import Clients, bearer, done
from tests.support.service import ServiceProcess

pytestmark = pytest.mark.faults

GATEWAY = "sk-gateway-under-load"
BEFORE, AFTER = 10, 30
CHECKS = {
    "blocked": "key_blocked",
    "blocked-with-its-team": "team_blocked",
    "expired": "key_expired",
}
"""Why a call is denied; what is not here makes the key unknown."""


@pytest.fixture(scope="module", autouse=True)
def _gateway(services: list[ServiceProcess]) -> None:
    with services[0].client() as http:
        body = {"key": GATEWAY, "key_type": "gateway", "key_alias": "busy"}
        assert http.post("/key/generate", json=body).status_code == 200


class Gateway:
    """Asks one process about one key again and again, and keeps what it was told."""

    def __init__(self, client: httpx.AsyncClient, secret: str) -> None:
        self._client, self._body = client, {"key": secret, "model": "gpt-4o"}
        self.let_in = asyncio.Event()
        self.allowed: list[float] = []
        self.denied: list[str] = []
        """Of those asked for after the right had ended."""

    async def run(self, ended: asyncio.Future[float]) -> None:
        """Ask until some decisions were asked for after the right had ended."""
        while len(self.denied) < AFTER:
            sent = time.time()
            answer = await self._client.post("/v1/decide", json=self._body, headers=bearer(GATEWAY))
            assert answer.status_code == 200, answer.text
            verdict = answer.json()
            if verdict["allowed"]:
                self.allowed.append(sent)
            if len(self.allowed) >= BEFORE:
                self.let_in.set()
            if ended.done() and sent > ended.result():
                self.denied.append("" if verdict["allowed"] else verdict["denial"]["check"])


async def spends(client: httpx.AsyncClient, name: str) -> float:
    """The last of the budget is reported to one process."""
    call = {
        "id": name,
        "started_at": datetime.now(UTC).isoformat(),
        "key": f"sk-decided-{name}",
        "model": "gpt-4o",
        "cost": 10.5,
    }
    answer = await client.post("/v1/usage", json=call, headers=bearer(GATEWAY))
    assert answer.json()["accepted"] == 1, answer.text
    return time.time()


OTHERS: dict[str, tuple[Act, str]] = {
    "spent": (spends, "key_budget"),
    "given-other-models": (by("/team/update", team_id="decided-?", models=["o3"]), "team_model"),
}


def renamed(act: Act) -> Act:
    """The same on the things of this module."""

    async def on(client: httpx.AsyncClient, name: str) -> float:
        return await act(client, f"decided-{name}")

    return on


WAYS = {
    **{name: (renamed(act), CHECKS.get(name, "unknown_key")) for name, (act, _) in ENDS.items()},
    **OTHERS,
}


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_is_allowed_after_the_right_has_ended(
    services: list[ServiceProcess], clients: Clients, way: str
) -> None:
    end, check = WAYS[way]
    a, b = clients
    name, secret = f"decided-{way}", f"sk-decided-{way}"
    ann = {"role": "admin", "user_id": name}
    await done(a, "/organization/new", organization_id=name, organization_alias=name)
    await done(a, "/team/new", team_id=name, organization_id=name, members_with_roles=[ann])
    await done(b, "/key/generate", key=secret, team_id=name, user_id=name, max_budget=10)
    ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    gateways = [Gateway(client, secret) for client in (a, b, a, b)]
    urls = (service.base_url for service in services)
    async with load(*urls, clients=4, name=name) as books, asyncio.TaskGroup() as group:
        for gateway in gateways:
            group.create_task(gateway.run(ended))
        await asyncio.gather(*(gateway.let_in.wait() for gateway in gateways))
        ended.set_result(await end(a, way))
    late = [sent for gateway in gateways for sent in gateway.allowed if sent > ended.result()]
    assert late == []
    assert {each for gateway in gateways for each in gateway.denied} == {check}
    assert (books.unclear, books.lost_connections) == ([], 0)


async def test_two_processes_do_not_overspend_together(clients: Clients) -> None:
    """Calls are admitted by both with reservations, and report what they cost, mostly less."""
    a, b = clients
    await done(a, "/team/new", team_id="shared", max_budget=20)
    for number in range(4):
        await done(a, "/key/generate", key=f"sk-shared-{number}", team_id="shared")
    spent, calls = [0.0], iter(range(400))
    refused: list[Any] = []

    async def client(http: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
        for number in calls:
            body = {"key": f"sk-shared-{number % 4}", "model": "gpt-4o", "estimated_cost": 0.25}
            asked = {**body, "reserve": True}
            verdict = (await http.post("/v1/decide", json=asked, headers=bearer(GATEWAY))).json()
            if not verdict["allowed"]:
                refused.append(verdict["denial"])
                continue
            cost = 0.25 if number % 3 else 0.125
            spent[0] += cost
            call = {
                "id": str(uuid4()),
                "started_at": datetime.now(UTC).isoformat(),
                "key": body["key"],
                "model": "gpt-4o",
                "cost": cost,
                "reservation": verdict["reservation"]["id"],
            }
            answer = await other.post("/v1/usage", json=call, headers=bearer(GATEWAY))
            assert answer.json()["accepted"] == 1, answer.text

    await asyncio.gather(*(client(a, b) for _ in range(8)), *(client(b, a) for _ in range(8)))
    assert 20 - 0.25 < spent[0] <= 20
    assert {denial["check"] for denial in refused} == {"team_budget"}
    assert all(denial["spend"] + denial["held"] <= 20 for denial in refused)
    last = {"key": "sk-shared-0", "model": "gpt-4o", "estimated_cost": 0.25}
    for http in clients:
        verdict = (await http.post("/v1/decide", json=last, headers=bearer(GATEWAY))).json()
        assert (verdict["denial"]["spend"], verdict["denial"]["held"]) == (spent[0], 0.0)
