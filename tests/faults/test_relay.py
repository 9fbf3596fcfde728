"""The relay is killed, or stands still, in the middle of its work; another one stands by."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from kafka import TopicPartition

from tests.support.broker import Broker
from tests.support.eventlog import History, append, create_store, owner
from tests.support.groups import team_facts
from tests.support.kills import frozen
from tests.support.relaying import in_order, make_topic, published, reading, start_relay
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(180)]
TEAMS, MEMBERS, KILLS = 6, 999, 4
TAKEN_OVER = 5.0
END_LEADER = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE application_name = 'teamledger-relay' AND locktype = 'advisory' AND granted
"""
Started = subprocess.Popen[bytes]


@pytest.fixture
def start(database_url: str, kafka: Broker, topic: str) -> Iterator[Callable[[], Started]]:
    started: list[Started] = []

    def starting() -> Started:
        started.append(start_relay(database_url, kafka, topic))
        return started[-1]

    yield starting
    for process in started:
        process.kill()
        process.wait()


def test_nothing_is_lost_or_reordered_by_kills(
    database_url: str, kafka: Broker, topic: str, start: Callable[[], Started]
) -> None:
    """Whoever stands by takes over in time, at the same log, while more is written."""
    create_store(database_url)
    make_topic(kafka, topic)
    log, moments = History(), random.Random(7)
    with owner(database_url) as conn, reading(kafka, topic) as consumer:
        place = TopicPartition(topic, 0)

        def end() -> int:
            return int(consumer.end_offsets([place])[place])

        leader = start()
        write(conn, log, "first", 1)
        wait_for(lambda: end() >= 1, 30)
        for number in range(KILLS):
            heir = start()
            stands_by(conn)
            before = end()
            write(conn, log, f"kill {number}", TEAMS)
            goal = before + moments.randint(1, 1_500)
            wait_for(lambda goal=goal: end() >= goal, 30)  # type: ignore[misc]
            leader.send_signal(signal.SIGKILL)
            leader.wait()
            write(conn, log, f"after kill {number}", 1)
            goal = end() + 1
            wait_for(lambda goal=goal: end() >= goal, TAKEN_OVER)  # type: ignore[misc]
            leader = heir
        records = published(kafka, topic, log.position)
        leader.send_signal(signal.SIGTERM)
        assert leader.wait(timeout=30) == 0
    facts = stored_facts(database_url)
    assert in_order(records) == [fact.position for fact in facts]
    assert {r.position: r.value for r in records} == {fact.position: fact.body for fact in facts}


def test_a_relay_that_stood_still_finds_another_one_in_its_place(
    database_url: str, kafka: Broker, topic: str, start: Callable[[], Started]
) -> None:
    """Both send for a moment: what it had in hand comes late, and is nothing new to anybody."""
    create_store(database_url)
    make_topic(kafka, topic)
    log = History()
    with owner(database_url) as conn, reading(kafka, topic) as consumer:
        place = TopicPartition(topic, 0)

        def sent() -> int:
            return int(consumer.end_offsets([place])[place])

        leader = start()
        write(conn, log, "first", 1)
        wait_for(lambda: sent() > 0, 30)
        start()
        stands_by(conn)
        before = sent()
        write(conn, log, "frozen", TEAMS)
        wait_for(lambda: sent() > before, 30)
        with frozen(leader):
            ended = conn.execute(END_LEADER).fetchall()
            assert ended == [(True,)]
            at = log.position
            write(conn, log, "meanwhile", TEAMS)
            wait_for(lambda: noted(conn) > at, TAKEN_OVER + 10)
        wait_for(lambda: noted(conn) == log.position, 30)
        stands_by(conn)
        write(conn, log, "last", 1)
        records = published(kafka, topic, log.position)
    facts = stored_facts(database_url)
    assert in_order(records) == [fact.position for fact in facts]
    assert all(record.value == facts[record.position - 1].body for record in records)


def noted(conn: psycopg.Connection[Any]) -> int:
    """How far the relays say that they are."""
    row = conn.execute("SELECT position FROM ops.relay").fetchone()
    return int(row[0]) if row else 0


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "nobody publishes"


def stands_by(conn: psycopg.Connection[Any]) -> None:
    """Return once two relays have a session: the second one waits for the lock."""
    deadline = time.monotonic() + 30
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'teamledger-relay'"
    while conn.execute(sessions).fetchone() != (2,):
        assert time.monotonic() < deadline, "no other relay has started"


def write(conn: psycopg.Connection[Any], log: History, name: str, teams: int) -> None:
    """Teams of a thousand facts each, committed at once: pages of work for a relay."""
    append(conn, [at for n in range(teams) for at in team_facts(log, f"{name} {n}", MEMBERS)])
