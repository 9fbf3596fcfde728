"""Budgets are watched beside the booking; nothing is lost, or told twice (015)."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from events.budget import BudgetSettings
from events.usage import UsageRecorded
from services.command.application.attribution import Attribute, Claim
from services.command.application.budget_watch import BudgetWatch
from services.command.application.budgets import NewBudget, ReviseBudget
from services.command.application.key_rotation import NewSecret, RegenerateKey
from services.command.application.key_update import UpdateKey
from services.command.application.keys import NewKey
from services.command.application.ledger import Ledger
from services.command.application.ledger_page import Entry
from services.command.application.ledger_store import LedgerStore
from services.command.application.teams import ReviseTeam
from tests.support.eventlog import create_store
from tests.support.facts import key_settings, usd
from tests.support.loop import Writer, opened_writer, token_of, until
from tests.support.usage import GATEWAY, call, rows

TOLD = """
SELECT convert_from(state, 'UTF8')::json->'data' FROM events.stored_events
WHERE topic = 'budget.threshold_crossed' ORDER BY notification_id
"""
SEEN = "SELECT ledger::int FROM ops.budget_watch"
BOOKED = "SELECT coalesce(max(position), 0)::int FROM usage.batches"
FORGET = "UPDATE ops.budget_watch SET ledger = 0, log = 0 RETURNING true"
STREAMS = """
SELECT originator_id, convert_from(state, 'UTF8')::json->'data'->>'percent',
    convert_from(state, 'UTF8')::json->'data'->>'budget'
FROM events.stored_events WHERE topic = 'budget.threshold_crossed'
"""
NOW = datetime.now(UTC)
KEYS = ("ann's", "first", "second")


@dataclass(frozen=True, slots=True)
class Process:
    """What one process of the service has that sets budgets, books and watches."""

    writer: Writer
    ledger: Ledger
    watch: BudgetWatch

    async def report(self, *calls: UsageRecorded) -> None:
        claims = [Claim(each.key_hash) for each in calls]
        done = await self.writer.send(Attribute(claims), "/v1/usage")
        found = done.answer["answer"]
        pairs = zip(calls, claims, strict=True)
        await self.ledger.book([Entry(GATEWAY, each, found[claim]) for each, claim in pairs])

    async def set_budget(self, maximum: str, team_id: str = "core") -> None:
        change = ReviseTeam(team_id, {"budget": {"max_budget": usd(maximum)}})
        await self.writer.send(change, "/team/update")


async def _team(one: Process, usd_: int) -> None:
    await one.set_budget(str(usd_))


async def _members(one: Process, usd_: int) -> None:
    defaults = {"budget_id": "of-all", "max_budget": usd(usd_)}
    change = ReviseTeam("core", {"member_defaults": defaults})
    await one.writer.send(change, "/team/update")


async def _shared(one: Process, usd_: int) -> None:
    change = ReviseBudget("shared", {"max_budget": usd(usd_)})
    await one.writer.send(change, "/budget/update")


async def _key(one: Process, usd_: int) -> None:
    update = UpdateKey(token_of("first"), "", {"max_budget": usd(usd_)})
    await one.writer.send(update, "/key/update")


CHANGES = (_team, _members, _shared, _key)
"""Each sets a budget to so many USD."""


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Process]:
    async with opened_writer(url) as writer:
        ledger = Ledger(LedgerStore(writer.pool))
        ledger.start()
        try:
            watch = BudgetWatch(writer.loop, writer.pool, (80, 90, 100), UTC)
            yield Process(writer, ledger, watch)
        finally:
            await ledger.stop()


@pytest.fixture
async def url(database_url: str) -> str:
    """A team that may spend 10 USD, with a key."""
    create_store(database_url)
    async with process(database_url) as first:
        await first.writer.create("core", "ann")
        await first.set_budget("10")
        await first.writer.make_key("ann's", team_id="core", user_id="ann")
    return database_url


def used(number: int, cost: str, name: str = "ann's") -> UsageRecorded:
    return call(number, cost, NOW, key_hash=token_of(name))


def told(url: str) -> list[tuple[str, int | None]]:
    return [(data["kind"], data["percent"]) for (data,) in rows(url, TOLD)]


def seen(url: str) -> int:
    return int(rows(url, SEEN)[0][0])


async def test_what_was_booked_is_looked_at_and_told_with_names(url: str) -> None:
    async with process(url) as one:
        await one.report(used(1, "3"), used(2, "6.5"))
        await one.watch.work_off()
        assert told(url) == [("team", 80), ("team", 90)]
        [(data,), _] = rows(url, TOLD)
        assert (data["spend"], data["budget"], data["team_id"]) == ("9.5", "10", "core")
        await one.report(used(3, "0.5"))
        await one.watch.work_off()
        assert told(url) == [("team", 80), ("team", 90), ("team", 100)]
    assert (seen(url),) == rows(url, BOOKED)[0]


async def test_a_kill_after_the_booking_loses_nothing(url: str) -> None:
    async with process(url) as killed:
        await killed.report(used(1, "8"))
    assert told(url) == []
    async with process(url) as next_one:
        await next_one.watch.work_off()
    assert told(url) == [("team", 80)]


async def test_a_kill_after_the_telling_tells_nothing_twice(url: str) -> None:
    async with process(url) as killed:
        await killed.report(used(1, "8"))
        await killed.watch.work_off()
    assert rows(url, FORGET) == [(True,)]
    async with process(url) as next_one:
        await next_one.watch.work_off()
    assert told(url) == [("team", 80)]
    assert seen(url) == 1


async def test_processes_that_look_at_the_same_time_tell_once(url: str) -> None:
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(process(url)) for _ in range(3)]
        for number in range(1, 13):
            await processes[number % 3].report(used(number, "1"))
            await asyncio.gather(*(one.watch.work_off() for one in processes))
        for one in processes:
            await one.watch.work_off()
    assert told(url) == [("team", 80), ("team", 90), ("team", 100)]


async def test_another_process_goes_on_where_one_has_ended(url: str) -> None:
    async with process(url) as first, process(url) as second:
        first.watch.start()
        await first.report(used(1, "8"))
        await until(lambda: told(url) == [("team", 80)])
        second.watch.start()
        await first.watch.stop()
        await second.report(used(2, "1"))
        await until(lambda: told(url) == [("team", 80), ("team", 90)])
        await second.watch.stop()


async def test_a_budget_that_is_set_below_what_is_spent_is_told_of_without_a_call(url: str) -> None:
    async with process(url) as one:
        await one.report(used(1, "4"))
        await one.watch.work_off()
        assert told(url) == []
        await one.set_budget("5")
        await one.watch.work_off()
        assert told(url) == [("team", 80)]
        await one.set_budget("5.5")
        await one.watch.work_off()
        assert told(url) == [("team", 80)]


async def test_a_shared_budget_is_set_for_all_keys_that_have_it(url: str) -> None:
    async with process(url) as one:
        shared = BudgetSettings(max_budget=usd(100))
        await one.writer.send(NewBudget("shared", False, shared), "/budget/new")  # noqa: FBT003
        for name in ("first", "second"):
            settings = key_settings(extra={"budget_id": "shared"})
            await one.writer.send(NewKey(token_of(name), settings, fresh=True), "/key/generate")
        await one.report(used(1, "8", "first"), used(2, "9.5", "second"), used(3, "1"))
        await one.watch.work_off()
        assert told(url) == []
        change = ReviseBudget("shared", {"max_budget": usd(10)})
        await one.writer.send(change, "/budget/update")
        await one.watch.work_off()
    assert sorted(told(url), key=str) == [("key", 80), ("key", 80), ("key", 90)]


async def test_a_key_is_told_of_once_however_often_it_was_rotated(url: str) -> None:
    async with process(url) as one:
        settings = key_settings(max_budget=10)
        await one.writer.send(NewKey(token_of("0"), settings, fresh=True), "/key/generate")
        await one.report(used(1, "8", "0"))
        await one.watch.work_off()
        for number in range(20):
            secret = NewSecret(token_of(str(number + 1)), "sk-...", None, fresh=True)
            command = RegenerateKey(token_of(str(number)), "", {}, secret, "/key/regenerate")
            await one.writer.send(command, "/key/regenerate")
    async with process(url) as other:
        await other.report(used(2, "0.5", "3"), used(3, "0.6", "20"))
        await other.watch.work_off()
    assert told(url) == [("key", 80), ("key", 90)]


async def test_what_is_known_of_budgets_is_forgotten_where_they_change(url: str) -> None:
    """A second watch, which knows nothing, finds nothing that the first one left untold."""
    chosen = random.Random(5)
    async with process(url) as one:
        shared = BudgetSettings(max_budget=usd(50))
        await one.writer.send(NewBudget("shared", False, shared), "/budget/new")  # noqa: FBT003
        for name in KEYS[1:]:
            settings = key_settings(extra={"budget_id": "shared"}, team_id="core", user_id="ann")
            settings = settings.model_copy(update={"team_incarnation": 1})
            await one.writer.send(NewKey(token_of(name), settings, fresh=True), "/key/generate")
        for number in range(40):
            await one.report(used(number, f"{chosen.randrange(1, 60) / 100}", chosen.choice(KEYS)))
            if chosen.random() < 0.3:
                await chosen.choice(CHANGES)(one, chosen.randrange(2, 40))
            await one.watch.work_off()
        found = told(url)
        assert len(found) == len(set(rows(url, STREAMS)))
        assert len(found) > 4
        assert rows(url, FORGET) == [(True,)]
        fresh = BudgetWatch(one.writer.loop, one.writer.pool, (80, 90, 100), UTC)
        await fresh.work_off()
        assert told(url) == found


async def test_calls_that_cost_nothing_are_passed_over(url: str) -> None:
    async with process(url) as one:
        await one.report(used(1, "0"), used(2, "0"))
        await one.watch.work_off()
    assert (told(url), seen(url)) == ([], 2)
