"""/metrics of running processes: the documented list, and what it tells of what was done."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.command_line import environment, line
from tests.support.ledger import Ledger
from tests.support.metrics import assert_as_documented, samples, value
from tests.support.postgres import fresh_database
from tests.support.service import START_SECONDS, Start, free_port, on_database

SECRET = "sk-observed-by-nobody-1"
FOLLOWERS = {
    "relay": (
        "relay",
        "the relay has stepped down: BrokerAway",
        "teamledger_relay_leads",
    ),
    "usage-consumer": (
        "usage_consumer",
        "usage is not consumed: BrokerAway",
        "teamledger_usage_consumer_reading",
    ),
}
"""What answers nothing but health and metrics: what it says while brokers are away."""


def text(ledger: Ledger) -> str:
    scraped = ledger.get("/metrics", None)
    assert scraped.headers["content-type"].startswith("text/plain")
    return scraped.text


def test_serve_exposes_what_is_documented(ledger: Ledger) -> None:
    """Read models of an empty log, too, which have no place of their own yet."""
    assert_as_documented("serve", found := text(ledger))
    assert value(found, "teamledger_projection_position", group="contract") == 0


def test_what_is_asked_for_counts(ledger: Ledger) -> None:
    before = text(ledger)
    ledger.done("/team/new", {"team_id": "counted"}, idempotency_key="once")
    ledger.done("/team/new", {"team_id": "counted"}, idempotency_key="once")
    ledger.done("/team/update?dry_run=true", {"team_id": "counted", "max_budget": 5})
    assert ledger.post("/team/new", {"team_id": "counted"}).status_code == 400
    ledger.shown("/team/info", team_id="counted")
    after = text(ledger)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    outcomes = ("accepted", "replayed", "rehearsed", "refused")
    commands = [more("teamledger_commands_total", outcome=outcome) for outcome in outcomes]
    assert commands == [1, 1, 1, 1]
    assert more("teamledger_read_wait_seconds_count") >= 1
    of = {"method": "POST", "route": "/team/new"}
    assert value(after, "teamledger_http_requests_total", status="400", **of) == 1
    assert value(after, "teamledger_http_request_seconds_count", **of) == 3


def test_positions_are_those_of_the_log(ledger: Ledger) -> None:
    ledger.done("/team/new", {})
    head, group = ledger.position(), {"group": "contract"}
    while value(told := text(ledger), "teamledger_log_position") < head:
        pass  # each look is a request; databases are asked once a second
    assert value(told, "teamledger_log_position") == head
    assert value(told, "teamledger_projection_position", **group) == head
    assert value(told, "teamledger_projection_lag_seconds", **group) == 0


def test_usage_and_decisions_count(ledger: Ledger) -> None:
    gateway = ledger.key(key_type="gateway", key_alias="eu")
    call = {"id": "one", "model": "m", "cost": 1, "started_at": datetime.now(UTC).isoformat()}
    late = {**call, "id": "late", "started_at": "2020-01-01T00:00:00Z"}
    ledger.done("/v1/usage", [call, late], gateway)
    ledger.done("/v1/usage", [call, {**call, "cost": 2}], gateway)
    ledger.done("/v1/decide", {"key": SECRET, "model": "m"}, gateway)
    found = text(ledger)
    expected = {"recorded": 1, "duplicate": 1, "altered": 1, "quarantined": 1, "refused": 0}
    for outcome, times in expected.items():
        assert value(found, "teamledger_usage_records_total", outcome=outcome) == times, outcome
    assert value(found, "teamledger_decisions_total", outcome="unknown_key") == 1


def test_a_series_is_never_a_callers_to_make(ledger: Ledger) -> None:
    """Neither paths nor methods, ids or keys: what differs there is one series."""
    for number, method in enumerate(("PROPFIND", "REPORT", "MKCOL", "LOCK")):
        ledger.http.request(method, f"/nowhere/{number}")
        ledger.get("/team/info", f"{SECRET}{number}", team_id=f"private-{number}")
        ledger.get(f"/v1/teams/private-{number}/history")
    found = text(ledger)
    series = {labels for name, labels in samples(found) if name == "teamledger_http_requests_total"}
    named = [dict(labels) for labels in series]
    assert {each["route"] for each in named if each["method"] == "other"} == {"unmatched"}
    assert "/v1/teams/{team_id:path}/history" in {each["route"] for each in named}
    assert not any(word in found for word in ("private-", "REPORT", SECRET, "nowhere"))


@pytest.mark.scale
def test_each_kind_of_process_exposes_what_is_documented(
    postgres_server: EmbeddedServer, start_service: Start
) -> None:
    with fresh_database(postgres_server) as url, ExitStack() as stack:
        followers = {role: stack.enter_context(follower(url, role)) for role in FOLLOWERS}
        env = on_database(url)
        running = {role: start_service(env, role=role) for role in ("command", "projection")}
        addresses = {role: service.base_url for role, service in running.items()} | followers
        for role, address in addresses.items():
            assert_as_documented(role, httpx.get(f"{address}/metrics").text)
        assert [service.stop() for service in running.values()] == [0, 0]


@pytest.mark.scale
@pytest.mark.parametrize("role", sorted(FOLLOWERS))
def test_what_reaches_no_broker_lives_and_is_not_ready(
    postgres_server: EmbeddedServer, role: str
) -> None:
    check, reason, gauge = FOLLOWERS[role]
    with fresh_database(postgres_server) as url, follower(url, role) as address:
        while (refused := httpx.get(f"{address}/health/readiness")).is_success:
            pass  # until it has tried to reach a broker
        assert (refused.json()["check"], refused.json()["reason"]) == (check, reason)
        assert httpx.get(f"{address}/health/liveliness").json() == "I'm alive!"
        assert httpx.get(f"{address}/team/list").status_code == 404
        assert value(httpx.get(f"{address}/metrics").text, gauge) == 0


@contextmanager
def follower(url: str, role: str) -> Iterator[str]:
    """The address of a relay, or a consumer of usage, whose brokers are away."""
    port = free_port()
    env = environment(
        TEAMLEDGER_DATABASE_URL=url,
        TEAMLEDGER_KAFKA_BOOTSTRAP=f"127.0.0.1:{free_port()}",
        TEAMLEDGER_RELAY_PORT=str(port),
        TEAMLEDGER_USAGE_CONSUMER_PORT=str(port),
    )
    process = subprocess.Popen(line(role), env=env, stderr=subprocess.DEVNULL)
    killer = threading.Timer(START_SECONDS, process.kill)
    killer.start()
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_alive(address, process)
        yield address
    finally:
        killer.cancel()
        process.terminate()
        assert process.wait(30) == 0


def wait_until_alive(address: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            httpx.get(f"{address}/health/liveliness")
        except httpx.TransportError:
            continue
        return
    pytest.fail("the process has ended")
