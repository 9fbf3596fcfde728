"""Usage over a real Kafka: booked once, with its place, or a dead letter with the reason."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition
from prometheus_client import Gauge

from events.usage_topics import MOST_BYTES
from services.broker import Unreadable
from services.command.application.usage_consumer import FuseBlown
from services.edge.usage.cloudevents import RECORDED
from services.edge.usage.delivery import EVENT
from services.metrics import CONSUMER_LAG, CONSUMER_PARTITIONS
from services.operation.exposed import Kind
from tests.spec.test_usage_deliveries import PAYLOADS
from tests.support.broker import Broker
from tests.support.eventlog import create_store
from tests.support.kills import kill_database
from tests.support.metrics import counted
from tests.support.postgres import running_server
from tests.support.usage import rows
from tests.support.usage_topic import (
    SOURCE,
    Sent,
    Topics,
    consume_until_it_ends,
    consumed,
    consuming_usage,
    ends,
    eventually,
    item,
    places,
    read_up,
    start_consumer,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]
READY_AGAIN = 15.0
LEDGER = "SELECT count(*), coalesce(sum(cost), 0) FROM usage.records"
BOOKED = "SELECT request_id FROM usage.records ORDER BY request_id"
BAD: list[tuple[object, str]] = [
    (b"{", "the value is no JSON"),
    (None, "the message has no value"),
    ([item(1)], "the value must be one object"),
    (item(1, "-1"), "cost: Input should be greater than or equal to 0"),
    ({**item(1), "costs": 1}, "costs: is not known here"),
    ({"id": "fix", "corrects": "nothing"}, "corrects a record that was not booked"),
]


@pytest.fixture
def url(database_url: str) -> str:
    create_store(database_url)
    return database_url


@pytest.fixture
def topics(kafka: Broker, topic: str) -> Topics:
    found = Topics(kafka, topic)
    found.make()
    return found


def booked(url: str) -> list[str]:
    return [row[0] for row in rows(url, BOOKED)]


async def test_every_form_is_booked_as_over_http(url: str, topics: Topics) -> None:
    event = {"specversion": "1.0", "type": RECORDED, "source": SOURCE, "id": "structured"}
    data = {name: part for name, part in item(0).items() if name != "id"}
    binary = {f"ce_{name}": text for name, text in {**event, "id": "binary"}.items()}
    logged = {**PAYLOADS[0], "startTime": datetime.now(UTC).timestamp()}
    topics.send(
        [
            Sent(item(1), key="core"),
            Sent({**event, "data": data}, headers={"content-type": EVENT}),
            Sent(data, headers={**binary, "content-type": "application/json"}),
            Sent(logged),
        ]
    )
    await consumed(url, topics)
    assert booked(url) == sorted(["call-1", "structured", "binary", logged["id"]])
    assert rows(url, "SELECT DISTINCT source FROM usage.series") == [(SOURCE,)]
    assert topics.letters() == []


async def test_every_codec_of_kafka_is_read(url: str, topics: Topics) -> None:
    """Snappy is what some clients compress by unless told otherwise."""
    codecs = [None, "gzip", "lz4", "snappy", "zstd"]
    for number, codec in enumerate(codecs):
        topics.send([Sent(item(number), partition=0)] * 20, codec)
    await consumed(url, topics)
    assert booked(url) == [f"call-{number}" for number in range(len(codecs))]


async def test_what_is_nobodys_is_no_dead_letter(url: str, topics: Topics) -> None:
    topics.send([Sent(item(1, key="sk-unknown")), Sent(item(2, team_id="no-such-team"))])
    await consumed(url, topics)
    found = rows(url, "SELECT unattributed FROM usage.series ORDER BY 1")
    assert found == [("unknown key",), ("unknown team",)]
    assert topics.letters() == []


async def test_of_an_id_the_first_counts_and_late_calls_wait(url: str, topics: Topics) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    late = item(2, started_at=long_ago)
    topics.send(Sent(each, key="a") for each in [item(1), item(1), item(1, "9"), late, late])
    await consumed(url, topics)
    assert rows(url, LEDGER) == [(1, 1)]
    assert rows(url, "SELECT request_id FROM usage.quarantine") == [("call-2",)]
    assert topics.letters() == []


async def test_a_place_and_what_is_before_it_are_of_one_transaction(
    url: str, topics: Topics
) -> None:
    topics.send(Sent(item(number), partition=0) for number in range(50))
    await consumed(url, topics)
    assert places(url, topics) == {0: 50, 1: 0, 2: 0}
    last = "SELECT xmin::text FROM usage.records ORDER BY position DESC LIMIT 1"
    assert rows(url, last) == rows(url, "SELECT xmin::text FROM usage.places WHERE partition = 0")


async def test_what_cannot_be_booked_is_a_dead_letter(url: str, topics: Topics) -> None:
    sent = [Sent(value, key="core", headers={"x": "1"}, partition=1) for value, _ in BAD]
    topics.send([*sent, Sent(item(7), partition=1)])
    before = dead_letters_counted()
    await consumed(url, topics)
    assert booked(url) == ["call-7"]
    counts = zip(dead_letters_counted(), before, strict=True)
    assert [after - earlier for after, earlier in counts] == [len(BAD) - 1, 1]
    letters = topics.letters()
    for offset, (letter, one) in enumerate(zip(letters, sent, strict=True)):
        headers = {name: raw.decode() for name, raw in letter.headers}
        assert headers["dead_reason"].startswith(BAD[offset][1])
        assert (headers["dead_topic"], headers["x"]) == (topics.usage, "1")
        assert (headers["dead_partition"], headers["dead_offset"]) == ("1", str(offset))
        assert abs(int(headers["dead_timestamp"]) / 1000 - datetime.now(UTC).timestamp()) < 60
        assert (letter.key, letter.value) == (b"core", one.raw)


def dead_letters_counted() -> list[float]:
    reasons, name = ("unreadable", "corrects_nothing"), "teamledger_dead_letters_total"
    return [counted(Kind.USAGE_CONSUMER, name, reason=reason) for reason in reasons]


async def test_a_message_that_is_too_large_is_told_by_its_beginning(
    url: str, topics: Topics
) -> None:
    large = b'{"id": "' + b"x" * MOST_BYTES
    topics.send([Sent(large), Sent(item(1))])
    await consumed(url, topics)
    assert booked(url) == ["call-1"]
    [letter] = topics.letters()
    assert letter.value == large[:1_024]
    assert dict(letter.headers)["dead_cut"] == b"true"


async def test_the_fuse_stops_before_the_next_dead_letter(url: str, topics: Topics) -> None:
    bad = [Sent(b"{", partition=0)] * 5
    topics.send([Sent(item(1), partition=0), *bad[:3], Sent(item(2), partition=0), *bad[3:]])
    few = topics.allowing(3)
    for _ in range(2):  # starting again helps as little as a supervisor that does
        with pytest.raises(FuseBlown, match=r"partition 0 goes on at offset 5 .* no JSON"):
            await consume_until_it_ends(url, few)
        assert (booked(url), places(url, topics)[0]) == (["call-1", "call-2"], 5)
        assert len(topics.letters()) == 3
    hour = "UPDATE usage.dead_letters SET minute = minute - interval '1 hour'"
    assert rows(url, f"{hour} RETURNING letters") == [(3,)]
    await consumed(url, few)
    assert places(url, topics)[0] == 7
    assert len(topics.letters()) == 5


async def test_two_consumers_share_and_take_over(url: str, topics: Topics) -> None:
    async with consuming_usage(url, topics):
        async with consuming_usage(url, topics):
            for start in range(0, 40, 10):
                numbers = range(start, start + 10)
                topics.send(Sent(item(number), partition=number % 3) for number in numbers)
            await eventually(lambda: read_up(url, topics))
        topics.send(Sent(item(40 + number), partition=number) for number in range(3))
        await eventually(lambda: read_up(url, topics))
    assert rows(url, LEDGER) == [(43, 43)]
    assert topics.letters() == []


async def test_a_topic_made_again_is_read_from_its_beginning(
    url: str, kafka: Broker, topics: Topics
) -> None:
    topics.send(Sent(item(number), partition=0) for number in range(10))
    async with consuming_usage(url, topics):
        await eventually(lambda: read_up(url, topics))
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        admin.delete_topics([topics.usage])
        admin.close()
        await eventually(lambda: made_again(topics))
        topics.send(Sent(item(100 + number), partition=0) for number in range(25))
        await eventually(lambda: read_up(url, topics))
    assert rows(url, LEDGER) == [(35, 35)]


def made_again(topics: Topics) -> bool:
    topics.make()
    return set(ends(topics).values()) == {0}


@pytest.mark.parametrize("place", [3, 40], ids=["removed", "beyond"])
async def test_a_place_that_is_not_there_is_left_for_the_beginning(
    url: str, kafka: Broker, topics: Topics, place: int
) -> None:
    topics.send(Sent(item(number), partition=0) for number in range(10))
    await consumed(url, topics)
    topics.send(Sent(item(10 + number), partition=0) for number in range(5))
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.delete_records({TopicPartition(topics.usage, 0): 8})
    admin.close()
    rows(url, f"UPDATE usage.places SET next_offset = {place} WHERE partition = 0 RETURNING 1")
    await consumed(url, topics)
    assert places(url, topics)[0] == 15
    assert rows(url, LEDGER) == [(15, 15)]


def test_the_process_ends_with_a_status_of_its_own(url: str, topics: Topics) -> None:
    topics.send([Sent(item(1), partition=0), Sent(b"{", partition=0)])
    consumer = start_consumer(url, topics.allowing(0))
    try:
        assert consumer.process.wait(timeout=60) == 3, consumer.told
    finally:
        consumer.kill()
    assert "error: 0 messages of" in consumer.told
    assert booked(url) == ["call-1"]
    assert topics.letters() == []


class NotText(str):
    """The name of a header as no client of ours could send it."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff"


@pytest.mark.parametrize("codec", [None, "zstd"])
async def test_a_header_may_have_any_name(url: str, topics: Topics, codec: str | None) -> None:
    named = {NotText("x"): "1", "y": "2"}
    batch = [Sent(item(number), partition=1, headers=named) for number in range(3)]
    topics.send([Sent(item(3), partition=1), *batch, Sent(b"{", headers=named, partition=1)], codec)
    topics.send([Sent(item(4), partition=1)], codec)
    await consumed(url, topics)
    assert rows(url, LEDGER) == [(5, 5)]
    [letter] = topics.letters()
    assert [name for name, _ in letter.headers[-2:]] == ["\ufffd", "y"]


async def test_a_damaged_record_is_named(url: str, topics: Topics) -> None:
    topics.send(Sent(item(number), partition=number % 3) for number in range(30))
    topics.send([Sent(item(30), partition=1)])
    topics.send([Sent(item(31), partition=1)])
    topics.damage(1, b"call-30")
    with pytest.raises(Unreadable, match=r"partition 1 of .* at offset 10: .* before offset 11"):
        await consume_until_it_ends(url, topics)
    admin = KafkaAdminClient(bootstrap_servers=topics.broker.bootstrap)
    admin.delete_records({TopicPartition(topics.usage, 1): 11})
    admin.close()
    await consumed(url, topics)
    assert rows(url, LEDGER) == [(31, 31)]


async def test_it_waits_for_a_broker_that_is_away(url: str, topics: Topics, kafka: Broker) -> None:
    async with consuming_usage(url, topics):
        topics.send([Sent(item(1))])
        await eventually(lambda: read_up(url, topics))
        kafka.kill()
        kafka.start()
        await asyncio.to_thread(kafka.wait_until_ready)
        back = time.monotonic()
        topics.send(Sent(item(number), partition=number % 3) for number in range(2, 30))
        await eventually(lambda: rows(url, LEDGER) == [(29, 29)])
        assert time.monotonic() - back < READY_AGAIN


async def test_it_waits_for_a_database_that_is_away(data_dir: Path, topics: Topics) -> None:
    with running_server(data_dir) as server:
        url = server.conninfo()
        create_store(url)
        async with consuming_usage(url, topics):
            topics.send([Sent(item(1))])
            await eventually(lambda: read_up(url, topics))
            kill_database(data_dir)
            topics.send(Sent(item(number)) for number in range(2, 30))
            server.start()
            back = time.monotonic()
            await eventually(lambda: rows(url, LEDGER) == [(29, 29)])
            assert time.monotonic() - back < READY_AGAIN


async def test_how_far_it_is_is_told(url: str, topics: Topics) -> None:
    topics.send(Sent(item(number), partition=0) for number in range(5))
    async with consuming_usage(url, topics) as consumer:
        await eventually(lambda: rows(url, LEDGER) == [(5, 5)])
        await eventually(lambda: (of(CONSUMER_PARTITIONS), of(CONSUMER_LAG)) == (3, 0))
        assert (consumer.reads, consumer.trouble) == (True, None)
    assert of(CONSUMER_PARTITIONS) == 0
    topics.send([Sent(b"{", partition=0), *(Sent(item(7), partition=0) for _ in range(4))])
    with pytest.raises(FuseBlown):
        await consume_until_it_ends(url, topics.allowing(0))
    assert of(CONSUMER_LAG) == 5


def of(gauge: Gauge) -> float:
    [family] = gauge.collect()
    return family.samples[0].value
