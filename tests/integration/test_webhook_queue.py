"""Messages are made once of each fact, and claimed by one courier at a time (decision 015)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from events.alert import BudgetThresholdCrossed, alert_stream
from events.registry import DomainEvent
from events.streams import WEBHOOK, Stream, stream
from events.webhook import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDeliveryRequested,
    WebhookDisabled,
    WebhookSecretRotated,
    WebhookSettings,
    WebhookTested,
)
from services.database.connections import Pool, open_pool, service_conninfo
from services.projection.webhooks.messages import Messages
from services.projection.webhooks.posting import Outcome
from services.projection.webhooks.queue import LAPSED, Queue
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.facts import SEALED, usd
from tests.support.projected import project
from tests.support.usage import NOON, rows

SETTINGS = WebhookSettings(url="https://a.example.com", event_types=["budget.threshold_crossed"])
HOOK, OTHER = stream(WEBHOOK, "one"), stream(WEBHOOK, "two")
MADE = "SELECT webhook, message, position::int, state FROM ops.webhook_deliveries ORDER BY 3, 1"
STATE = "SELECT state, attempts, last_status, last_error FROM ops.webhook_deliveries"
FAILED = Outcome(500, "500 Internal Server Error")
Fact = tuple[Stream, DomainEvent]


def created() -> WebhookCreated:
    return WebhookCreated(settings=SETTINGS, secret=SEALED)


def crossed(percent: int = 80) -> Fact:
    fact = BudgetThresholdCrossed(
        kind="team",
        id="core",
        incarnation=1,
        percent=percent,
        budget=usd(10),
        spend=usd(9),
        since=None,
        window_start=None,
        window_end=None,
    )
    return alert_stream("team", "core", 1, "", None), fact


@dataclass(frozen=True, slots=True)
class Log:
    """A log whose facts are projected as they come."""

    url: str
    pool: Pool
    history: History

    async def record(self, *facts: Fact) -> list[str]:
        """Their ids."""
        envelopes = self.history.command(*facts)
        with owner(self.url) as conn:
            append(conn, envelopes)
        await project(self.url, [envelopes])
        return [at.event_id for at in envelopes]

    async def make(self, times: int = 1) -> None:
        async def reached(_: int) -> None: ...

        makers = [Messages(self.pool, self.pool, reached) for _ in range(times)]
        await asyncio.gather(*(maker.make() for maker in makers))

    def queue(self, *pauses: float) -> Queue:
        return Queue(self.pool, pauses)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Log]:
    create_store(url)
    create_read(url)
    pool = await open_pool(service_conninfo(url), 1, 4, "test")
    async with pool:
        yield Log(url, pool, History())


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[Log]:
    async with opened(database_url) as made:
        yield made


async def test_each_fact_makes_one_message_for_each_webhook_that_was_there(log: Log) -> None:
    await log.record((HOOK, created()))
    [_, first] = await log.record((Stream("team-x"), WebhookTested(message_id="-")), crossed())
    await log.record((OTHER, created()))
    [second] = await log.record(crossed(90))
    await log.make(times=3)
    expected = [("one", first, 3), ("one", second, 5), ("two", second, 5)]
    assert rows(log.url, MADE) == [(*one, "waiting") for one in expected]
    await log.make(times=2)
    assert len(rows(log.url, MADE)) == 3


async def test_what_comes_meanwhile_is_left_for_the_next_time(log: Log) -> None:
    """Who waited for the end of a log that goes on would commit for every few facts of it."""
    await log.record((HOOK, created()))
    await log.record(crossed())

    async def reached(_: int) -> None:
        await log.record(crossed(90))

    await Messages(log.pool, log.pool, reached).make()
    assert [position for _, _, position, _ in rows(log.url, MADE)] == [2]
    await log.make()
    assert [position for _, _, position, _ in rows(log.url, MADE)] == [2, 3]


async def test_nothing_is_posted_before_the_read_models_know_what_was_changed(log: Log) -> None:
    """What waits would go to the address of before, or to a webhook that is switched off."""
    await log.record((HOOK, created()))
    asked = list[int]()

    async def reached(position: int) -> None:
        asked.append(position)

    changed = SETTINGS.model_copy(update={"url": "https://b.example.com"})
    facts = [
        WebhookChanged(before=SETTINGS, after=changed),
        WebhookSecretRotated(before=SEALED, after=SEALED, previous_until=NOON),
        WebhookDisabled(reason="410 Gone"),
    ]
    for fact in facts:
        await log.record((HOOK, fact))
        await Messages(log.pool, log.pool, reached).make()
    assert asked == [2, 3, 4]
    assert rows(log.url, MADE) == []


async def test_a_test_is_for_its_own_webhook_and_what_is_deleted_is_dropped(log: Log) -> None:
    await log.record((HOOK, created()), (OTHER, created()))
    await log.record((HOOK, WebhookTested(message_id="m-1")), crossed())
    await log.make()
    assert [row[:2] for row in rows(log.url, MADE)][:2] == [("one", "m-1"), ("one", _id(3 + 1))]
    await log.record((HOOK, WebhookDeleted(settings=SETTINGS)))
    await log.make()
    assert [row[0] for row in rows(log.url, MADE)] == ["two"]


def _id(position: int) -> str:
    return f"0195{position:028x}"


async def _waiting(log: Log, count: int) -> None:
    await log.record((HOOK, created()))
    await log.record(*((HOOK, WebhookTested(message_id=f"m-{number}")) for number in range(count)))
    await log.make()


async def test_couriers_claim_different_messages(log: Log) -> None:
    await _waiting(log, 10)
    queues = [log.queue() for _ in range(3)]
    claims = await asyncio.gather(*(queue.claim("one", 4, 60) for queue in queues))
    claimed = [claim.message for some in claims for claim in some]
    assert sorted(claimed) == sorted(f"m-{number}" for number in range(10))
    assert await queues[0].claim("one", 10, 60) == []
    assert await queues[0].due(["one", "two"]) == []


async def test_a_claim_that_lapsed_is_claimed_again_and_its_failure_counts_no_more(
    log: Log,
) -> None:
    await _waiting(log, 1)
    queue = log.queue(0, 3_600)
    [killed] = await queue.claim("one", 1, 0)
    assert rows(log.url, STATE) == [("waiting", 1, None, LAPSED)]
    assert await queue.due(["one"]) == ["one"]
    [second] = await queue.claim("one", 1, 60)
    assert (second.message, second.attempts) == (killed.message, 2)
    await queue.settle(killed, FAILED)
    assert rows(log.url, STATE) == [("waiting", 2, None, LAPSED)]
    await queue.settle(second, FAILED)
    assert rows(log.url, STATE) == [("waiting", 2, 500, "500 Internal Server Error")]
    assert await queue.due(["one"]) == []


async def test_what_arrived_has_arrived_whatever_becomes_of_another_attempt(log: Log) -> None:
    await _waiting(log, 1)
    queue = log.queue()
    [slow] = await queue.claim("one", 1, 0)
    [other] = await queue.claim("one", 1, 0)
    await queue.settle(slow, Outcome(200))
    await queue.settle(other, FAILED)
    assert rows(log.url, STATE) == [("delivered", 2, 200, None)]


async def test_a_message_that_is_asked_for_again_begins_anew(log: Log) -> None:
    await _waiting(log, 1)
    queue = log.queue(0)
    for _ in range(2):
        [claim] = await queue.claim("one", 1, 60)
        await queue.settle(claim, FAILED)
    assert rows(log.url, STATE)[0][:2] == ("given_up", 2)
    await log.record((HOOK, WebhookDeliveryRequested(message_id="m-0")))
    await log.make()
    [again] = await queue.claim("one", 1, 60)
    assert (again.attempts, again.round) == (3, 1)
    await queue.settle(again, FAILED)
    assert rows(log.url, STATE)[0][:2] == ("waiting", 3)
