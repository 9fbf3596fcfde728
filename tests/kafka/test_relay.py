"""The relay over a real Kafka: the topic is the log, in its order, whatever happened meanwhile."""

import time
from pathlib import Path

import psycopg
import pytest

from services.broker import BrokerUnusable
from services.command.application.relay import Relay
from services.command.application.relay_place import LogReplaced
from services.database.connections import relay_conninfo
from tests.support.broker import Broker
from tests.support.eventlog import History, append, create_store, owner
from tests.support.groups import team_facts
from tests.support.kills import kill_database
from tests.support.postgres import running_server
from tests.support.relaying import (
    cluster_of,
    in_order,
    make_topic,
    published,
    reading,
    relaying,
)
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]
STOPPED = 12.0  # a second for the acknowledgements that do not come, 5 to close the producer


@pytest.fixture
def url(database_url: str, kafka: Broker, topic: str) -> str:
    create_store(database_url)
    make_topic(kafka, topic)
    return database_url


def write(url: str, log: History, name: str, members: int = 0) -> int:
    """Store a team; the position of its last fact."""
    with owner(url) as conn:
        append(conn, team_facts(log, name, members))
    return log.position


def place(url: str) -> tuple[int, str | None]:
    with owner(url) as conn:
        row = conn.execute("SELECT position, event_id FROM ops.relay").fetchone()
    assert row is not None
    return row[0], row[1]


def test_the_topic_holds_the_log_as_it_is_stored(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    write(url, log, "before", members=30)
    with relaying(url, kafka, topic, page=7):
        published(kafka, topic, log.position)
        last = write(url, log, "while it runs")
        records = published(kafka, topic, last)
    facts = stored_facts(url)
    assert [record.position for record in records] == [fact.position for fact in facts]
    assert [record.value for record in records] == [fact.body for fact in facts]
    assert [record.key for record in records] == [fact.stream for fact in facts]
    assert [record.headers["ce_id"] for record in records] == [fact.body["id"] for fact in facts]
    assert place(url) == (last, facts[-1].body["id"])


def test_records_are_compressed(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    write(url, log, "large", members=500)
    with relaying(url, kafka, topic):
        records = published(kafka, topic, log.position)
    sent = sum(len(record.raw) for record in records)
    kept = sum(p.stat().st_size for p in kafka.directory.glob(f"node-1/data/{topic}-0/*.log"))
    assert 0 < kept < sent


def test_it_goes_on_where_it_stopped(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    for number in range(3):
        last = write(url, log, f"team {number}", members=5)
        with relaying(url, kafka, topic):
            published(kafka, topic, last)
    assert [r.position for r in published(kafka, topic, last)] == list(range(1, last + 1))


def test_what_was_sent_and_not_noted_is_sent_again(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    last = write(url, log, "a", members=10)
    with relaying(url, kafka, topic):
        published(kafka, topic, last)
    third = stored_facts(url)[2].body["id"]
    with owner(url) as conn:  # as if it had ended between acknowledgement and note
        conn.execute("UPDATE ops.relay SET position = 3, event_id = %s", (third,))
    after = write(url, log, "b")
    with relaying(url, kafka, topic):
        records = published(kafka, topic, after)
    assert [record.position for record in records] == [*range(1, last + 1), *range(4, after + 1)]
    assert in_order(records) == list(range(1, after + 1))


def test_of_two_relays_one_publishes(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic, page=3), relaying(url, kafka, topic, page=3):
        for number in range(10):
            write(url, log, f"team {number}", members=10)
        records = published(kafka, topic, log.position)
    assert [record.position for record in records] == list(range(1, log.position + 1))


def test_the_other_takes_over_within_five_seconds(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic), relaying(url, kafka, topic):
        published(kafka, topic, write(url, log, "before"))
        leader = end_leader(url)
        with reading(kafka, topic) as consumer:
            last, seen = write(url, log, "after"), 0
            while seen < last:
                polled = consumer.poll(timeout_ms=5_000)
                assert polled, "nobody has taken over"
                seen += sum(len(records) for records in polled.values())
        assert end_leader(url) != leader


def end_leader(url: str) -> int:
    """End the session that holds the lock, as an outage does; its process id."""
    held = """
        SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND application_name = 'teamledger-relay' AND granted
    """
    with owner(url) as conn:
        row = conn.execute(held).fetchone()
        assert row is not None
        conn.execute("SELECT pg_terminate_backend(%s)", (row[0],))
    return int(row[0])


def test_it_waits_for_a_broker_that_is_away(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic):
        published(kafka, topic, write(url, log, "before", members=3))
        kafka.kill()
        last = write(url, log, "meanwhile", members=3)
    with relaying(url, kafka, topic), relaying(url, kafka, topic):
        kafka.start()
        kafka.wait_until_ready()
        records = published(kafka, topic, last)
    assert in_order(records) == list(range(1, last + 1))


def test_it_waits_for_a_database_that_is_away(data_dir: Path, kafka: Broker, topic: str) -> None:
    log = History()
    make_topic(kafka, topic)
    with running_server(data_dir) as server:
        url = server.conninfo()
        create_store(url)
        with relaying(url, kafka, topic):
            published(kafka, topic, write(url, log, "before"))
            kill_database(data_dir)
            server.start()
            last = write(url, log, "after")
            records = published(kafka, topic, last)
    assert in_order(records) == list(range(1, last + 1))


def test_a_restored_store_goes_on_under_its_new_epoch(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic):
        published(kafka, topic, write(url, log, "before"))
        with owner(url) as conn:
            conn.execute("UPDATE events.store SET epoch = gen_random_uuid()")
        records = published(kafka, topic, write(url, log, "after"))
    first, last = records[0].headers["ce_epoch"], records[-1].headers["ce_epoch"]
    assert first != last
    assert [record.position for record in records] == list(range(1, log.position + 1))


def test_a_store_that_lost_what_was_published_is_not_followed(
    url: str, kafka: Broker, topic: str
) -> None:
    log = History()
    last = write(url, log, "before", members=3)
    with relaying(url, kafka, topic):
        published(kafka, topic, last)
    with owner(url) as conn:
        lose(conn, last)
    with pytest.raises(LogReplaced, match=f"from position {last}"):
        Relay(relay_conninfo(url), cluster_of(kafka), topic).run()


def test_asked_to_stop_while_brokers_are_away_it_does(url: str, kafka: Broker, topic: str) -> None:
    log = History()
    with relaying(url, kafka, topic):
        published(kafka, topic, write(url, log, "before"))
        kafka.kill()
        write(url, log, "meanwhile")
        began = time.monotonic()
    seconds = time.monotonic() - began
    kafka.start()
    kafka.wait_until_ready()
    assert seconds < STOPPED


def test_without_a_topic_it_ends(url: str, kafka: Broker) -> None:
    relay = Relay(relay_conninfo(url), cluster_of(kafka), "test.never.made")
    with pytest.raises(BrokerUnusable, match="teamledger topics"):
        relay.run()


def lose(conn: psycopg.Connection[tuple[object, ...]], position: int) -> None:
    conn.execute("DELETE FROM events.stored_events WHERE notification_id = %s", (position,))
