"""The event store: who may write, in which order, and what the library reads of it."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any, LiteralString

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.utils import get_topic
from psycopg.conninfo import conninfo_to_dict

from events.envelope import Envelope, encode
from events.key import KeyGenerated, KeySettings
from events.streams import KEY, TEAM, stream
from events.team import TeamBlocked, TeamCreated, TeamSettings
from services.command.application.appending import Batch, StoredAnswer
from services.command.application.recorder import EnvelopeMapper, EventRecorder
from services.command.application.requests import Done
from services.command.application.store import EventStore
from services.command.application.view import Row, links_of
from services.database.connections import open_pool, service_conninfo
from tests.support.eventlog import History
from tests.support.loop import Writer, opened_writer, until
from tests.support.stored import append_lock, count, stored_facts, waiting_appends

TEAM_ONE, TEAM_TWO = stream(TEAM, "one"), stream(TEAM, "two")


@pytest.fixture
async def store(url: str) -> AsyncIterator[EventStore]:
    conninfo = service_conninfo(url)
    pool = await open_pool(conninfo, 1, 2, "test")
    opened = EventStore(pool, conninfo)
    yield opened
    await opened.close()
    await pool.close()


async def test_who_asks_for_the_head_is_not_in_the_way_of_an_append(store: EventStore) -> None:
    """Also while the writer has yet to connect, as after its connection was lost."""
    blocked = rows(History().command((TEAM_ONE, TeamBlocked())))

    async def append() -> str:
        async with store.locked() as head:
            await asyncio.wait([asked])
            outcome, _ = await store.append(Batch(head.position, blocked))
        return outcome

    appending = asyncio.create_task(append())
    await asyncio.sleep(0)
    asked = asyncio.create_task(store.head())
    async with asyncio.timeout(30):
        assert await appending == "appended"


class EventLog(Application[str]):
    """The library's application over our table: its name gives the table's."""

    name = "stored"


@pytest.fixture
def library(url: str) -> EventLog:
    address = conninfo_to_dict(url)
    return EventLog(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "APPLICATION_RECORDER_TOPIC": get_topic(EventRecorder),
            "MAPPER_TOPIC": get_topic(EnvelopeMapper),
            "ORIGINATOR_ID_TYPE": "text",
            "POSTGRES_SCHEMA": "events",
            "POSTGRES_DBNAME": str(address["dbname"]),
            "POSTGRES_HOST": str(address["host"]),
            "POSTGRES_PORT": str(address["port"]),
            "POSTGRES_USER": str(address["user"]),
            "POSTGRES_PASSWORD": "",
        }
    )


def rows(envelopes: list[Envelope]) -> list[Row]:
    return [Row(envelope, *encode(envelope)) for envelope in envelopes]


def everything(expected_head: int, facts: list[Envelope], key: str = "k") -> Batch:
    """A batch with something for every table that an append writes."""
    return Batch(
        expected_head=expected_head,
        rows=rows(facts),
        links=links_of(facts),
        people=[(f"p-{key}", b"wrapped")],
        chores=[("team-one", "keys", facts[-1].position)],
        answers=[StoredAnswer(b"caller", key, b"hash", 200, b"sealed", facts[-1].position)],
    )


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    tables: tuple[LiteralString, ...] = (
        "events.stored_events",
        "ops.dependents",
        "ops.idempotency",
        "ops.person_keys",
        "ops.chores",
    )
    with psycopg.connect(url) as conn:
        return {table: conn.execute("TABLE " + table).fetchall() for table in tables}


def team_with_key(history: History) -> list[Envelope]:
    settings = KeySettings(key_name="sk-...1", team_id="one")
    return history.command(
        (TEAM_ONE, TeamCreated(settings=TeamSettings())),
        (stream(KEY, "t1"), KeyGenerated(settings=settings)),
    )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO events.stored_events VALUES ('team-x', 1, 't', '', 1)",
        "UPDATE events.stored_events SET state = ''",
        "DELETE FROM events.stored_events",
        "TRUNCATE events.stored_events",
        "ALTER TABLE events.stored_events ADD COLUMN x int",
        "DROP TABLE events.stored_events",
        "UPDATE events.store SET epoch = gen_random_uuid()",
        "CREATE FUNCTION events.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
async def test_the_service_role_cannot_touch_the_log(
    url: str, store: EventStore, statement: LiteralString
) -> None:
    await store.append(Batch(0, rows(team_with_key(History()))))
    before = contents(url)
    with (
        psycopg.connect(service_conninfo(url)) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute(statement)
    assert contents(url) == before


async def test_an_append_writes_everything_or_nothing(url: str, store: EventStore) -> None:
    facts = team_with_key(History())
    assert await store.append(everything(0, facts)) == ("appended", 2)
    written = contents(url)
    assert [row[4] for row in written["events.stored_events"]] == [1, 2]
    assert {table: len(found) for table, found in written.items()} == {
        "events.stored_events": 2,
        "ops.dependents": 1,
        "ops.idempotency": 1,
        "ops.person_keys": 1,
        "ops.chores": 1,
    }


async def test_a_version_that_is_taken_undoes_the_whole_append(url: str, store: EventStore) -> None:
    history = History()
    await store.append(everything(0, team_with_key(history)))
    before = contents(url)
    again = History(position=2).command(
        (TEAM_TWO, TeamCreated(settings=TeamSettings())), (TEAM_ONE, TeamBlocked())
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        await store.append(everything(2, again, key="other"))
    assert contents(url) == before
    assert await store.append(Batch(2, rows(history.command((TEAM_ONE, TeamBlocked()))))) == (
        "appended",
        3,
    )


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_an_append_at_another_head_writes_nothing(
    url: str, store: EventStore, expected: int
) -> None:
    history = History()
    await store.append(everything(0, team_with_key(history)))
    before = contents(url)
    facts = history.command((TEAM_ONE, TeamBlocked()))
    assert await store.append(everything(expected, facts, key="other")) == ("moved", 2)
    assert contents(url) == before


async def test_an_append_with_an_answered_key_writes_nothing(url: str, store: EventStore) -> None:
    history = History()
    await store.append(everything(0, team_with_key(history)))
    before = contents(url)
    facts = history.command((TEAM_ONE, TeamBlocked()))
    assert await store.append(everything(2, facts)) == ("repeated", 2)
    assert contents(url) == before


async def test_positions_have_no_gaps_and_follow_the_commits(url: str) -> None:
    async def create_teams(writer: Writer) -> int:
        attempts = [writer.create(f"team {n}") for n in range(40)]
        outcomes = [await asyncio.gather(attempt, return_exceptions=True) for attempt in attempts]
        return sum(isinstance(outcome, Done) for (outcome,) in outcomes)

    async with opened_writer(url) as a, opened_writer(url) as b:
        assert sum(await asyncio.gather(create_teams(a), create_teams(b))) == 40
    facts = stored_facts(url)
    assert [fact.position for fact in facts] == list(range(1, len(facts) + 1))
    assert [f.body["at"] for f in facts] == sorted(f.body["at"] for f in facts)
    query = "SELECT xmin::text::bigint FROM events.stored_events ORDER BY notification_id"
    with psycopg.connect(url) as conn:
        transactions = [row[0] for row in conn.execute(query).fetchall()]
    assert transactions == sorted(transactions)
    assert len(set(transactions)) == 40


async def test_the_library_reads_what_a_loop_wrote(url: str, library: EventLog) -> None:
    written: list[Envelope] = []
    async with opened_writer(url, on_commit=written.extend) as writer:
        await writer.create("one", "ann")
        await writer.add("one", "bob")
    notifications = library.recorder.select_notifications(1, len(written) + 1)
    assert [n.id for n in notifications] == list(range(1, len(written) + 1))
    assert [library.mapper.to_domain_event(n) for n in notifications] == written
    assert library.recorder.max_notification_id() == len(written)
    of_team = [envelope for envelope in written if envelope.originator_id == TEAM_ONE]
    read: list[Any] = list(library.events.get(TEAM_ONE))
    assert [e.event for e in read] == [e.event for e in of_team]
    assert [e.originator_version for e in read] == list(range(1, len(of_team) + 1))
    library.close()


async def test_the_library_writes_where_a_loop_goes_on(url: str, library: EventLog) -> None:
    async with opened_writer(url) as writer:
        done = await writer.create("one", "ann")
        version = len([e for e in done.facts if e.originator_id == TEAM_ONE])
        blocked = History(done.position)
        blocked.versions[TEAM_ONE] = version
        recordings = library.save(*blocked.command((TEAM_ONE, TeamBlocked())))
        assert [r.notification.id for r in recordings] == [done.position + 1]
        added = await writer.add("one", "bob")
    assert added.answer["blocked"] is True
    assert [f.position for f in stored_facts(url)] == list(range(1, added.position + 1))
    library.close()


def test_the_library_is_told_of_a_version_that_is_taken(url: str, library: EventLog) -> None:
    created = TeamCreated(settings=TeamSettings())
    library.save(*History().command((TEAM_ONE, created)))
    before = contents(url)
    with pytest.raises(IntegrityError):
        library.save(*History().command((TEAM_TWO, created), (TEAM_ONE, created)))
    assert contents(url) == before
    library.close()


def test_saving_nothing_through_the_library_is_nothing(url: str, library: EventLog) -> None:
    assert list(library.recorder.insert_events([]) or []) == []
    assert count(url, "SELECT count(*) FROM events.stored_events") == 0
    library.close()


async def test_the_library_waits_for_the_append_lock(url: str, library: EventLog) -> None:
    event = StoredEvent(TEAM_ONE, 1, "team.blocked", os.urandom(8))
    with append_lock(url) as holder:
        inserting = asyncio.create_task(asyncio.to_thread(library.recorder.insert_events, [event]))
        await until(lambda: waiting_appends(holder) == 1)
        assert count(url, "SELECT count(*) FROM events.stored_events") == 0
        assert not inserting.done()
    assert await inserting == [1]
    library.close()
