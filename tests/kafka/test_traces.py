"""One trace through three processes and a broker: from the request to the read models."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.broker import Broker
from tests.support.metrics import value
from tests.support.otlp import Collector, collecting
from tests.support.relaying import make_topic, on_broker, published, start_relay
from tests.support.service import ServiceProcess, Start, free_port, on_database

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def relay_port() -> int:
    return free_port()


@pytest.fixture
def commands(  # noqa: PLR0913, PLR0917
    database_url: str,
    kafka: Broker,
    topic: str,
    collector: Collector,
    start_service: Start,
    relay_port: int,
) -> Iterator[ServiceProcess]:
    """Commands, with a relay and a projection behind them."""
    make_topic(kafka, topic)
    env = on_database(database_url) | on_broker(kafka, topic) | collector.env
    commands = start_service(env, role="command", ready=False)
    reads = start_service(env, role="projection", ready=False)
    port = {"TEAMLEDGER_RELAY_PORT": str(relay_port)}
    relay = start_relay(database_url, kafka, topic, **collector.env, **port)
    try:
        commands.wait_until_ready()
        reads.wait_until_ready()
        yield commands
    finally:
        relay.terminate()
        assert relay.wait(30) == 0
        assert [service.stop() for service in (commands, reads)] == [0, 0]


def test_one_trace_goes_from_the_request_through_kafka_to_the_read_models(
    commands: ServiceProcess, kafka: Broker, topic: str, collector: Collector, relay_port: int
) -> None:
    with commands.client() as http:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        assert http.post("/team/new", json={"team_id": "a"}, headers=headers).status_code == 200
    names = ("POST /team/new", "CreateTeam", "record", f"publish {topic}", "project contract")
    spans = collector.trace(TRACE, *names)
    processes = [spans[name].process for name in names]
    assert processes == ["command", "command", "command", "relay", "projection"]
    record = spans["record"]
    assert {spans[name].parent for name in names[3:]} == {record.span}
    [first, *_] = published(kafka, topic, 1)
    assert first.headers["traceparent"] == f"00-{TRACE}-{record.span}-01"
    assert_leads(f"http://127.0.0.1:{relay_port}", topic)


def assert_leads(relay: str, topic: str) -> None:
    """What the relay tells of itself and its topic, with everything published."""
    head, of = {"topic": topic}, "teamledger_relay_"
    while value(told := httpx.get(f"{relay}/metrics").text, f"{of}lag_events", **head) > 0:
        pass  # each look is a request; the database is asked once a second
    position = value(told, "teamledger_log_position")
    assert value(told, f"{of}leads") == 1
    assert value(told, f"{of}published_total") == position
    assert value(told, f"{of}position", **head) == position
    assert value(told, f"{of}lag_events", **head) == value(told, f"{of}lag_seconds", **head) == 0
    ready = httpx.get(f"{relay}/health/readiness")
    assert (ready.status_code, ready.json()["status"]) == (200, "healthy")
