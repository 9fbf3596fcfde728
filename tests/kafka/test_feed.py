"""Read models from a topic: the same as from the log, wherever the topic begins or breaks off."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from events.messages import Stored, message
from tests.support.broker import Broker
from tests.support.consuming import Consuming, consuming, readers
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.groups import team_facts
from tests.support.kills import gone
from tests.support.oracle import assert_projected
from tests.support.relaying import make_topic, published, relaying

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


@pytest.fixture
def url(database_url: str, kafka: Broker, topic: str) -> str:
    create_store(database_url)
    create_read(database_url)
    make_topic(kafka, topic)
    return database_url


def write(url: str, log: History, name: str, members: int = 0) -> int:
    with owner(url) as conn:
        append(conn, team_facts(log, name, members))
    return log.position


def relayed(url: str, kafka: Broker, topic: str, log: History, *names: str) -> int:
    """Teams that are in the topic when this returns, and no relay any more."""
    for name in names:
        write(url, log, name, members=20)
    with relaying(url, kafka, topic):
        published(kafka, topic, log.position)
    return log.position


def forget_before(broker: Broker, topic: str, offset: int) -> None:
    """As retention does; -1 leaves nothing."""
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.delete_records({TopicPartition(topic, 0): offset})
    admin.close()


@contextmanager
def producer(broker: Broker) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, enable_idempotence=True)
    yield producer
    producer.flush(timeout=30)
    producer.close(timeout=5)


async def test_everything_comes_over_the_topic(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic, page=50):
        last = write(url, log, "before", members=300)
        async with consuming(url, kafka, topic) as process:
            await process.reach(last)
            for number in range(20):
                await process.reach(write(url, log, f"team {number}", members=3))
    assert (process.feed.from_topic >= log.position, process.feed.from_store) == (True, 0)
    assert_projected(url)


async def test_what_the_topic_no_longer_has_comes_from_the_log(
    url: str, kafka: Broker, topic: str
) -> None:
    log = History()
    relayed(url, kafka, topic, log, *(f"old {number}" for number in range(10)))
    forget_before(kafka, topic, 150)
    with relaying(url, kafka, topic):
        async with consuming(url, kafka, topic) as process:
            await process.reach(write(url, log, "new", members=5))
    assert process.feed.from_store >= 150
    assert process.feed.from_topic > 0
    assert_projected(url)


async def test_an_emptied_topic_is_not_waited_for(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    last = relayed(url, kafka, topic, log, "a", "b")
    forget_before(kafka, topic, -1)
    async with consuming(url, kafka, topic, patience=0.2) as process:
        await process.reach(last)
        assert (process.feed.from_topic, process.feed.from_store) == (0, last)
        with relaying(url, kafka, topic):
            await topic_again(process, url, log)
    assert_projected(url)


async def topic_again(process: Consuming, url: str, log: History) -> None:
    """Write until an event has come over the topic again."""
    before = process.feed.from_topic
    for _ in range(200):
        await process.reach(write(url, log, f"again {log.position}"))
        if process.feed.from_topic > before:
            return
        await asyncio.sleep(0.05)
    pytest.fail("the topic is not followed again")


async def test_the_log_stands_in_while_brokers_are_away(
    url: str, kafka: Broker, topic: str
) -> None:
    log = History()
    with relaying(url, kafka, topic):
        async with consuming(url, kafka, topic, patience=0.2) as process:
            await process.reach(write(url, log, "before"))
            kafka.kill()
            await process.reach(write(url, log, "meanwhile", members=10))
            assert process.feed.from_store > 0
            kafka.start()
            await asyncio.to_thread(kafka.wait_until_ready)
            await topic_again(process, url, log)
    assert_projected(url)


async def test_who_reads_the_topic_may_be_killed(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic):
        async with consuming(url, kafka, topic, patience=0.2) as process:
            await process.reach(write(url, log, "before"))
            await topic_again(process, url, log)
            [reader] = readers(os.getpid())
            os.kill(reader, signal.SIGKILL)
            await topic_again(process, url, log)
            assert readers(os.getpid()) != [reader]
    assert_projected(url)


async def test_who_reads_the_topic_may_stand_still(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic):
        async with consuming(url, kafka, topic, patience=0.2) as process:
            await process.reach(write(url, log, "before"))
            await topic_again(process, url, log)
            [reader] = readers(os.getpid())
            os.kill(reader, signal.SIGSTOP)
            before = process.feed.from_store
            await process.reach(write(url, log, "meanwhile", members=10))
            assert process.feed.from_store > before
    assert gone(reader)()
    assert_projected(url)


async def test_a_follower_goes_on_where_its_rows_are(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic):
        for number in range(3):
            async with consuming(url, kafka, topic) as process:
                await process.reach(write(url, log, f"team {number}", members=100))
    assert process.feed.from_topic < log.position
    assert process.feed.from_store == 0
    assert_projected(url)


async def test_repeats_and_strangers_change_nothing(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    last = relayed(url, kafka, topic, log, "a", "b")
    records = published(kafka, topic, last)
    with producer(kafka) as strange:
        for record in records[5:30]:
            headers = [(name, value.encode()) for name, value in record.headers.items()]
            strange.send(topic, record.raw, headers=headers, partition=0)
        strange.send(topic, b"hello", partition=0)
        strange.send(topic, None, key=b"tombstone", partition=0)
        broken = [(name, b"\xff") for name in records[0].headers]
        strange.send(topic, b"{}", headers=broken, partition=0)
    with relaying(url, kafka, topic):
        async with consuming(url, kafka, topic) as process:
            await process.reach(write(url, log, "c", members=3))
    assert process.feed.from_store == 0
    assert_projected(url)


async def test_a_position_that_the_log_does_not_have_is_no_promise(
    url: str, kafka: Broker, topic: str
) -> None:
    log = History()
    last = relayed(url, kafka, topic, log, "a")
    with owner(url) as conn:
        found = conn.execute(
            "SELECT originator_id, originator_version, 10000000, topic, state, epoch "
            "FROM events.stored_events, events.store LIMIT 1"
        ).fetchone()
    assert found is not None
    forged = message(Stored(*found[:5]), found[5])
    with producer(kafka) as strange:
        strange.send(topic, forged.value, headers=forged.headers, partition=0)
    with relaying(url, kafka, topic):
        async with consuming(url, kafka, topic, patience=0.2) as process:
            await process.reach(last)
            await process.reach(write(url, log, "b", members=3))
            await topic_again(process, url, log)
    assert_projected(url)


async def test_what_another_epoch_published_is_left_out(
    url: str, kafka: Broker, topic: str
) -> None:
    """A restored backup ends before what was published: those events never were."""
    log = History()
    relayed(url, kafka, topic, log, "a", "b")
    with owner(url) as conn:
        conn.execute("DELETE FROM events.stored_events WHERE notification_id > 21")
        conn.execute("UPDATE events.store SET epoch = gen_random_uuid()")
        at = conn.execute(
            "SELECT convert_from(state, 'UTF8')::json->>'id' FROM events.stored_events "
            "WHERE notification_id = 21"
        ).fetchone()
        assert at is not None
        conn.execute("UPDATE ops.relay SET position = 21, event_id = %s", at)
    restored = History(position=21)
    with relaying(url, kafka, topic):
        async with consuming(url, kafka, topic) as process:
            await process.reach(write(url, restored, "other", members=20))
    assert (process.feed.from_store, process.feed.from_topic) == (21, 21)
    assert_projected(url)


async def test_two_processes_share_a_group(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic):
        async with consuming(url, kafka, topic) as a, consuming(url, kafka, topic) as b:
            for number in range(30):
                last = write(url, log, f"team {number}", members=10)
                await asyncio.gather(a.reach(last), b.reach(last))
    assert (a.feed.from_store, b.feed.from_store) == (0, 0)
    assert_projected(url)
