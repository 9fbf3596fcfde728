"""kill -9 between a booking and its alert, and between an alert and its delivery (decision 015).

In the end each threshold that was reached is told of once, and each of these facts has arrived.
"""

import random
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import psycopg
import pytest

from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from tests.support.kills import kill_both, kill_service
from tests.support.loop import until
from tests.support.receiver import receiving
from tests.support.service import ServiceProcess, Start, free_port

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
TEAMS, BATCHES, CALLS = 8, 30, 5
BUDGET, SOFT, PERCENTS = Decimal(10), Decimal(3), (80, 90, 100)
KILLS = {batch: (kill_service, kill_both)[batch % 3 == 0] for batch in range(4, BATCHES, 8)}
TOLD = """
SELECT data->>'id', (data->>'percent')::int, told->>'id' FROM (
    SELECT convert_from(state, 'UTF8')::json->'data' AS data,
        convert_from(state, 'UTF8')::json AS told
    FROM events.stored_events WHERE topic = 'budget.threshold_crossed') facts
"""
DELIVERED = "SELECT count(*)::int FROM ops.webhook_deliveries WHERE state = 'delivered'"


def world(service: ServiceProcess, url: str) -> str:
    """Teams with budgets and keys, a gateway, and a webhook; the secret of which it is."""
    with service.client() as http:
        for number in range(TEAMS):
            budget = {"max_budget": float(BUDGET), "soft_budget": float(SOFT)}
            done(http, "/team/new", {"team_id": f"team-{number}", **budget})
            done(http, "/key/generate", {"key": f"sk-team-{number}", "team_id": f"team-{number}"})
        gateway = {"key": "sk-gateway", "key_type": "gateway", "key_alias": "eu"}
        done(http, "/key/generate", gateway)
        return str(done(http, "/v1/webhooks", {"url": url}).json()["secret"])


def done(http: httpx.Client, path: str, body: object) -> httpx.Response:
    response = http.post(path, json=body)
    assert response.status_code == 200, response.text
    return response


def batch(chosen: random.Random, number: int) -> list[tuple[str, str, Decimal]]:
    """Calls by id, team and cost."""
    return [
        (
            f"call-{number}-{place}",
            f"team-{chosen.randrange(TEAMS)}",
            Decimal(chosen.randrange(1, 120)).scaleb(-2),
        )
        for place in range(CALLS)
    ]


def expected(sent: list[tuple[str, str, Decimal]]) -> set[tuple[str, int | None]]:
    """From what was sent alone."""
    spent: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, team, cost in sent:
        spent[team] += cost
    limits: dict[int | None, Decimal] = {percent: BUDGET * percent / 100 for percent in PERCENTS}
    limits[None] = SOFT
    return {(t, p) for t, usd in spent.items() for p, least in limits.items() if usd >= least}


async def test_each_alert_is_told_of_once_and_arrives(
    start_service: Start, abandoned: Path
) -> None:
    chosen = random.Random(7)
    env = {
        "TEAMLEDGER_DATA_DIR": str(abandoned),
        "TEAMLEDGER_PORT": str(free_port()),
        "TEAMLEDGER_WEBHOOK_PRIVATE_TARGETS": "true",
        "TEAMLEDGER_WEBHOOK_RETRY_SECONDS": ",".join(["0.1"] * 60),
        "TEAMLEDGER_WEBHOOK_TIMEOUT": "1",
    }
    with receiving() as receiver:
        receiver.answer = lambda number: 500 if number % 3 == 0 else 200
        service = start_service(env)
        secret = world(service, receiver.url)
        sent: list[tuple[str, str, Decimal]] = []
        for number in range(BATCHES):
            calls = batch(chosen, number)
            report(service, calls)
            sent += calls
            if number in KILLS:
                KILLS[number](service, abandoned)
                service = start_service(env)
        wanted = expected(sent)
        assert len(wanted) > TEAMS
        with psycopg.connect(owner_conninfo(database(abandoned)), autocommit=True) as conn:
            await until(lambda: len(conn.execute(TOLD).fetchall()) >= len(wanted), 60)
            await until(lambda: conn.execute(DELIVERED).fetchone() == (len(wanted),), 60)
            told = conn.execute(TOLD).fetchall()
        assert sorted(map(str, told_once(told))) == sorted(map(str, wanted))
        assert receiver.ids() == {event_id for *_, event_id in told}
        for one in receiver.received:
            one.verified(secret)
        assert service.stop() == 0


def told_once(told: list[tuple[str, int | None, str]]) -> list[tuple[str, int | None]]:
    return [(team, percent) for team, percent, _ in told]


def database(data_dir: Path) -> str:
    return EmbeddedServer(data_dir).conninfo()


def report(service: ServiceProcess, calls: list[tuple[str, str, Decimal]]) -> None:
    """Acknowledged when this returns: the service is killed right after some of these."""
    now = datetime.now(UTC).isoformat()
    common = {"started_at": now, "model": "gpt-4o"}
    body = [
        {"id": name, "key": f"sk-{team}", "cost": str(cost), **common} for name, team, cost in calls
    ]
    with service.client("sk-gateway") as http:
        assert done(http, "/v1/usage", body).json()["accepted"] == len(calls)
