"""`teamledger dead-letters`: what could not be booked is listed, and booked once it can be."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.edge.usage.cloudevents import RECORDED
from services.edge.usage.delivery import EVENT
from tests.support.broker import Broker
from tests.support.command_line import invoked
from tests.support.eventlog import create_store
from tests.support.usage import rows
from tests.support.usage_topic import Sent, Topics, consumed, item

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]
BOOKED = "SELECT request_id FROM usage.records ORDER BY request_id"
FACTS = """
SELECT convert_from(state, 'UTF8')::json -> 'data' FROM events.stored_events
WHERE originator_id = %s ORDER BY notification_id
"""
FIX = {"id": "fix-1", "corrects": "call-1", "cost": "-0.25"}
BAD = [b"{", {**item(2), "costs": 1}, FIX, {**FIX, "id": "fix-9", "corrects": "call-9"}]
REASONS = ["JSON", "costs", "corrects", "corrects"]


@pytest.fixture
def topics(kafka: Broker, topic: str) -> Topics:
    found = Topics(kafka, topic)
    found.make()
    return found


@pytest.fixture
def url(database_url: str, topics: Topics) -> str:
    """Four messages of partition 1 could not be booked; what the third corrects came after it."""
    create_store(database_url)
    topics.send(Sent(value, key="core", partition=1) for value in BAD)
    asyncio.run(consumed(database_url, topics))
    topics.send([Sent(item(1), partition=1)])
    asyncio.run(consumed(database_url, topics))
    return database_url


def letters(url: str, topics: Topics, *arguments: str) -> list[dict[str, Any]]:
    done = invoked("dead-letters", *arguments, "--json", TEAMLEDGER_DATABASE_URL=url, **topics.env)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def states(url: str, topics: Topics, *arguments: str) -> list[tuple[str, str]]:
    return [(each["place"], each["state"]) for each in letters(url, topics, *arguments)]


def ledger(url: str) -> list[str]:
    return [row[0] for row in rows(url, BOOKED)]


def replays(url: str, topics: Topics) -> list[list[str]]:
    return [data["letters"] for (data,) in rows(url, FACTS, f"dead_letters-{topics.usage}")]


def test_they_are_listed_with_what_a_replay_would_make_of_them(url: str, topics: Topics) -> None:
    found = letters(url, topics, "list")
    places = [("1:0", "refused"), ("1:1", "refused"), ("1:2", "replayable"), ("1:3", "refused")]
    assert [(each["place"], each["state"]) for each in found] == places
    assert all(word in each["reason"] for word, each in zip(REASONS, found, strict=True))
    assert "value" not in found[0]
    assert states(url, topics, "list", "--reason", "CORRECTS", "--limit", "1") == [places[2]]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    assert letters(url, topics, "list", "--since", tomorrow) == []
    [first, *_] = letters(url, topics, "list", "--values")
    assert (first["key"], first["value"]) == ("core", "{")
    table = invoked("dead-letters", "list", TEAMLEDGER_DATABASE_URL=url, **topics.env)
    assert all(place in table.stdout for place, _ in places)


def test_a_replay_books_once_what_passes_now(url: str, topics: Topics) -> None:
    before = ledger(url)
    assert Counter(state for _, state in states(url, topics, "replay", "--all", "--dry-run")) == {
        "refused": 3,
        "replayable": 1,
    }
    assert (ledger(url), replays(url, topics)) == (before, [])
    for _ in range(2):
        found = states(url, topics, "replay", "--all")
        assert found == [
            ("1:0", "refused"),
            ("1:1", "refused"),
            ("1:2", "booked"),
            ("1:3", "refused"),
        ]
        assert ledger(url) == [*before, "fix-1"]
        assert replays(url, topics) == [["1:2"]]
    assert ("1:2", "booked") not in states(url, topics, "list")
    assert ("1:2", "booked") in states(url, topics, "list", "--all")


def test_single_ones_are_named_by_their_place(url: str, topics: Topics) -> None:
    assert states(url, topics, "replay", "1:0") == [("1:0", "refused")]
    assert states(url, topics, "replay", "1:2") == [("1:2", "booked")]
    env = {"TEAMLEDGER_DATABASE_URL": url, **topics.env}
    absent = invoked("dead-letters", "replay", "1:3", "0:7", **env)
    assert (absent.exit_code, "there is no dead letter at 0:7" in absent.output) == (2, True)
    for wrong in ([], ["1:2", "--all"], ["seven"]):
        assert invoked("dead-letters", "replay", *wrong, **env).exit_code == 2


def test_a_letter_that_is_there_twice_is_one(url: str, topics: Topics) -> None:
    """As after a kill between its acknowledgement and the commit."""
    rows(url, "UPDATE usage.places SET next_offset = 0 RETURNING 1")
    asyncio.run(consumed(url, topics))
    assert len(topics.letters()) > len(BAD)
    assert [place for place, _ in states(url, topics, "list", "--all")] == [
        "1:0",
        "1:1",
        "1:2",
        "1:3",
    ]


def test_what_comes_too_late_then_waits_and_is_recorded_once(url: str, topics: Topics) -> None:
    began = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    event = {"specversion": "1.0", "type": RECORDED, "source": "us", "id": "late"}
    late = {**event, "data": {"started_at": began, "model": "gpt-4o"}}
    topics.send([Sent(late, headers={"content-type": EVENT}, partition=2)])
    asyncio.run(consumed(url, topics))
    assert states(url, topics, "replay", "2:0") == [("2:0", "refused")]
    renamed = replace(topics, source="us")
    assert states(url, renamed, "replay", "2:0", "--dry-run") == [("2:0", "replayable")]
    for _ in range(2):
        assert states(url, renamed, "replay", "2:0") == [("2:0", "quarantined")]
        assert rows(url, "SELECT request_id, source FROM usage.quarantine") == [("late", "us")]
        assert replays(url, topics) == [["2:0"]]
