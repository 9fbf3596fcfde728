"""Usage sent twice, late, in no order and altered, while the service and its database are killed.

Every sum is in the end the one that the files say, to the last digit.
"""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import psycopg
import pytest

from services.access.credentials import hash_key
from services.database.connections import service_conninfo
from services.database.embedded import EmbeddedServer
from services.spend.spent import Span, spent
from tests.support.deliveries import SPAN, Gateways, sent
from tests.support.kills import kill_both, kill_database_and_stop_service, kill_service
from tests.support.senders import sending
from tests.support.service import ServiceProcess, Start, free_port
from tests.support.spend_oracle import Account, Figures, Owner, SpendOracle

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
RECORDS, SENDERS, WINDOWS = 200_000, 4, 200
KILLS = (kill_service, kill_both, kill_database_and_stop_service, kill_service, kill_both)
TEAMS = {"core": "acme", "edge": "acme", "lab": "globex", "free": None}
BUDGETS = {"core": "1d", "edge": "7d", "lab": "5h", "free": None}
USERS = ("ann", "bob", "cyd")
CLAIMS: tuple[Mapping[str, str], ...] = (
    {},
    {"team_id": "core"},
    {"user_id": "ann"},
    {"team_id": "lab", "user_id": "bob"},
    {"team_id": "no-such-team", "user_id": "nobody"},
)
DAYS = """
SELECT a.kind, a.id, a.member, a.incarnation, d.day, d.cost, d.tokens, d.requests
FROM usage.days d JOIN usage.accounts a USING (account)
"""


def make_world(service: ServiceProcess) -> dict[str, Owner]:
    """Organizations, teams and users; whose the keys are."""
    owners = {}
    with service.client() as http:
        for organization in {*TEAMS.values()} - {None}:
            done(http, "/organization/new", organization_id=organization, organization_alias="x")
        for user in USERS:
            done(http, "/user/new", user_id=user, auto_create_key=False)
        for team, organization in TEAMS.items():
            members = [{"user_id": user, "role": "user"} for user in USERS]
            place = {} if organization is None else {"organization_id": organization}
            budget = {"max_budget": 1, "budget_duration": BUDGETS[team]}
            done(http, "/team/new", team_id=team, members_with_roles=members, **place, **budget)
            for user in USERS:
                secret = f"sk-{team}-{user}"
                done(http, "/key/generate", key=secret, team_id=team, user_id=user)
                owners[secret] = Owner(organization, team, user, hash_key(secret))
            done(http, "/key/generate", key=f"sk-of-{team}", team_id=team)
            owners[f"sk-of-{team}"] = Owner(organization, team, None, hash_key(f"sk-of-{team}"))
        for user in USERS:
            done(http, "/key/generate", key=f"sk-of-{user}", user_id=user)
            owners[f"sk-of-{user}"] = Owner(None, None, user, hash_key(f"sk-of-{user}"))
        gateway = {"key": "sk-gateway", "key_type": "gateway", "key_alias": "eu"}
        done(http, "/key/generate", **gateway)
    return owners


def done(http: httpx.Client, path: str, **body: object) -> None:
    response = http.post(path, json=body)
    assert response.status_code == 200, response.text


def test_sums_are_those_of_what_was_sent_whatever_is_killed(
    start_service: Start, abandoned: Path, tmp_path: Path
) -> None:
    env = {"TEAMLEDGER_DATA_DIR": str(abandoned), "TEAMLEDGER_PORT": str(free_port())}
    service = start_service(env)
    owners = make_world(service)
    chance = random.Random(7)
    keys = [*owners, "sk-unknown"]
    gateways = Gateways(keys, CLAIMS, datetime.now(UTC), chance)
    paths = gateways.write(tmp_path, RECORDS, SENDERS)
    items = sum(1 for _ in sent(paths))
    with sending(paths, service.base_url, "sk-gateway") as senders:
        for kill, moment in zip(KILLS, sorted(chance.sample(range(items), 5)), strict=True):
            senders.wait_for(moment)
            kill(service, abandoned)
            service = start_service(env)
        told = senders.finish()
    assert told["recorded"] + told["duplicate"] + told["altered"] == items > 1.2 * RECORDS
    assert told["lost"] > 0
    oracle = SpendOracle(owners, TEAMS, USERS)
    oracle.read(sent(paths))
    check(service, EmbeddedServer(abandoned).conninfo(), oracle, gateways.now)
    assert service.stop() == 0


def check(service: ServiceProcess, url: str, oracle: SpendOracle, now: datetime) -> None:
    """Days of every account, windows of any, and the ledger's own proof."""
    with psycopg.connect(service_conninfo(url)) as connection:
        rows = connection.execute(DAYS).fetchall()
    found = {((kind, name, member), day): Figures(*f) for kind, name, member, _, day, *f in rows}
    assert found == oracle.days()
    lives = {(kind, name, member): life for kind, name, member, life, *_ in rows}
    spans = windows(lives, now, random.Random(3))
    expected = [oracle.spent((s.kind, s.id, s.member), since=s.since, until=s.until) for s in spans]
    assert asyncio.run(computed(url, spans)) == expected
    with service.client() as http:
        check_shown_windows(http, oracle)
        proof = http.get("/v1/reconcile", timeout=120).json()
    assert (proof["agrees"], proof["records"]) == (True, len(oracle.calls))


def check_shown_windows(http: httpx.Client, oracle: SpendOracle) -> None:
    """As they are answered: numbers of JSON, of whatever has a route for its windows."""
    for account in oracle.accounts:
        kind, name, member = account
        if kind in {"model", "organization_member"}:
            continue
        path = f"/v1/teams/{name}/members/{member}" if member else f"/v1/{kind}s/{name}"
        shown = http.get(f"{path}/windows", params={"limit": 3}).json()["windows"]
        assert shown
        for window in shown:
            since, until = (
                None if window[end] is None else datetime.fromisoformat(window[end])
                for end in ("start", "end")
            )
            spend = oracle.spent(account, since=since, until=until)
            assert (account, window["spend"]) == (account, float(spend))


def windows(lives: Mapping[Account, int], now: datetime, chance: random.Random) -> list[Span]:
    """Windows of any account, some of which begin or end with a day or a quarter of an hour."""

    def moment() -> datetime | None:
        then = now - SPAN * chance.uniform(-0.1, 1.1)
        quarter = then.replace(minute=then.minute // 15 * 15, second=0, microsecond=0)
        return chance.choice([then, quarter, quarter.replace(hour=0, minute=0), None])

    accounts = [(*chance.choice([*lives.items()]), moment(), moment()) for _ in range(WINDOWS)]
    return [
        Span(kind, name, life, member, since, until)
        for (kind, name, member), life, since, until in accounts
        if since is None or until is None or since <= until
    ]


async def computed(url: str, spans: list[Span]) -> list[Decimal]:
    connecting = psycopg.AsyncConnection.connect(service_conninfo(url), autocommit=True)
    async with await connecting as connection:
        return await spent(connection, spans)
