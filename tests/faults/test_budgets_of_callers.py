"""What one of two processes books, or is told of budgets, the other one lets callers in by."""

from datetime import UTC, datetime
from itertools import count

import httpx
import pytest

from tests.support.pair import Clients, bearer, done
from tests.support.service import ServiceProcess

pytestmark = pytest.mark.faults

GATEWAY, ANN = "sk-gateway-of-owners", "sk-ann-over-budget"
ROUNDS = 15
_NUMBERS = count()


@pytest.fixture(scope="module", autouse=True)
def _owners(services: list[ServiceProcess]) -> None:
    with services[0].client() as http:
        for path, body in (
            ("/key/generate", {"key": GATEWAY, "key_type": "gateway", "key_alias": "owners"}),
            ("/team/new", {"team_id": "owners", "max_budget": 1}),
            ("/user/new", {"user_id": "over", "user_role": "internal_user"}),
            ("/key/generate", {"key": ANN, "team_id": "owners", "user_id": "over"}),
        ):
            assert http.post(path, json=body).status_code == 200


async def spends(client: httpx.AsyncClient, cost: float) -> None:
    call = {
        "id": f"owners-{next(_NUMBERS)}",
        "started_at": datetime.now(UTC).isoformat(),
        "key": ANN,
        "model": "gpt-4o",
        "cost": cost,
    }
    answer = await client.post("/v1/usage", json=call, headers=bearer(GATEWAY))
    assert answer.json()["accepted"] == 1, answer.text


async def statuses(client: httpx.AsyncClient) -> list[int]:
    """What a read and a write are answered with."""
    read = await client.get("/user/info", headers=bearer(ANN))
    write = await client.post("/key/generate", json={"user_id": "over"}, headers=bearer(ANN))
    return [read.status_code, write.status_code]


async def test_nobody_is_let_in_or_refused_by_what_was(clients: Clients) -> None:
    """Each step is acknowledged by one process before the other one is asked."""
    for number in range(ROUNDS):
        here, there = clients if number % 2 else clients[::-1]
        assert await statuses(there) == [200, 200]
        await spends(here, 1.5)
        assert await statuses(there) == [400, 400]
        await done(here, "/team/update", team_id="owners", max_budget=1_000)
        assert await statuses(there) == [200, 200]
        await done(here, "/team/update", team_id="owners", max_budget=1)
        assert await statuses(there) == [400, 400]
        await done(here, "/global/spend/reset")
