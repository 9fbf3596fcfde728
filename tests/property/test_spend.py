"""Whatever is called, changed and reset, and when: what is told is the sum of what was sent.

Windows are found by walking over a calendar (tests.support.windows), sums from the calls sent.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.registry import DomainEvent
from events.spend import SpendOpened, SpendReset, spend_stream
from events.streams import TEAM, Stream, stream
from events.team import TeamBudgetChanged
from events.usage import UsageRecorded
from services.command.domain.usage import Attribution, Life
from services.database.connections import open_pool, service_conninfo
from services.database.embedded import EmbeddedServer
from services.projection.queries.spending import Spending
from services.projection.queries.teams import Question, bare_team
from services.spend.spenders import Asked
from tests.support.eventlog import History, create_read, create_store
from tests.support.facts import budget, created
from tests.support.postgres import fresh_database
from tests.support.projected import project
from tests.support.usage import opened_books
from tests.support.windows import next_reset

BORN = datetime(2026, 10, 20, 9, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 15, 45, 30, tzinfo=UTC)
"""Between the two, clocks are put back in Berlin, in New York and on Lord Howe."""

ZONES = [*("UTC", "Europe/Berlin", "America/New_York"), "Australia/Lord_Howe", "Asia/Kolkata"]
DURATIONS = [None, "90m", "5h", "36h", "1d", "7d", "10d", "2w", "30d", "1mo", "3mo"]
NAMES = (f"team-{number}" for number in count())
SECONDS = st.integers(0, int((NOW - BORN).total_seconds()))
MOMENTS = SECONDS.map(lambda seconds: BORN + timedelta(seconds=seconds))
AMOUNTS = st.integers(0, 10**6).map(lambda cents: Decimal(cents).scaleb(-4))


@dataclass(frozen=True)
class Story:
    """A team's durations from when on, the first from its birth; resets, and calls with costs."""

    durations: Sequence[tuple[datetime, str | None]]
    resets: Sequence[tuple[datetime, Decimal]]
    calls: Sequence[tuple[datetime, Decimal]]
    opened: Decimal | None
    zone: ZoneInfo


@st.composite
def stories(draw: st.DrawFn) -> Story:
    first = BORN, draw(st.sampled_from(DURATIONS))
    changes = st.tuples(MOMENTS, st.sampled_from(DURATIONS))
    later = sorted(draw(st.lists(changes, max_size=3, unique_by=lambda one: one[0])))
    durations = [first]
    for at, duration in later:
        if at > BORN and duration != durations[-1][1]:
            durations.append((at, duration))
    resets = st.lists(st.tuples(MOMENTS, AMOUNTS), max_size=3, unique_by=lambda one: one[0])
    return Story(
        durations=durations,
        resets=sorted(draw(resets)),
        calls=draw(st.lists(st.tuples(MOMENTS, AMOUNTS), max_size=25)),
        opened=draw(st.none() | AMOUNTS),
        zone=ZoneInfo(draw(st.sampled_from(ZONES))),
    )


def boundaries(story: Story) -> list[datetime]:
    """Where windows end up to now, and the first one beyond, if there is one."""
    found: list[datetime] = []
    changes = [*story.durations[1:], (None, None)]
    for (since, duration), (until, _) in zip(story.durations, changes, strict=True):
        at = since
        while duration is not None:
            at = next_reset(duration, since, at, story.zone)
            if until is not None and at > until:
                break
            found.append(at)
            if at > NOW:
                break
    return found


def expected(story: Story) -> list[Decimal]:
    """What counts in the windows, the oldest first, up to the one that holds now."""
    ends = boundaries(story)
    begins = [None, *(end for end in ends if end <= NOW)]
    until = dict(zip(begins, [*ends, None], strict=False))
    return [_counted(story, begin, until[begin]) for begin in begins]


def _counted(story: Story, begin: datetime | None, end: datetime | None) -> Decimal:
    def holds(at: datetime) -> bool:
        return (begin is None or begin <= at) and (end is None or at < end)

    resets = [(at, amount) for at, amount in story.resets if holds(at)]
    base = resets[-1][1] if resets else Decimal(0)
    if story.opened is not None and holds(BORN) and not resets:
        base += story.opened
    since = resets[-1][0] if resets else begin
    counted = [c for at, c in story.calls if holds(at) and (since is None or at >= since)]
    return base + sum(counted, Decimal(0))


def facts(team_id: str, story: Story) -> Iterator[tuple[datetime, Stream, DomainEvent]]:
    named, spend = stream(TEAM, team_id), spend_stream("team", team_id)
    before = budget(1, duration=story.durations[0][1])
    yield BORN, named, created(budget=before)
    if story.opened is not None:
        amount = story.opened
        opened = SpendOpened(kind="team", id=team_id, incarnation=1, amount=amount, as_of=BORN)
        yield BORN, spend, opened
    for at, duration in story.durations[1:]:
        after = budget(2, duration=duration)
        yield at, named, TeamBudgetChanged(before=before, after=after)
        before = after
    for at, amount in story.resets:
        reset = SpendReset(kind="team", id=team_id, incarnation=1, before=Decimal(9), amount=amount)
        yield at, spend, reset


def usage(team_id: str, story: Story) -> list[UsageRecorded]:
    return [
        UsageRecorded(id=f"{team_id}-{n}", started_at=at, model="m", cost=cost)
        for n, (at, cost) in enumerate(story.calls)
    ]


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedServer) -> Iterator[str]:
    with fresh_database(postgres_server) as url:
        create_store(url)
        create_read(url)
        yield url


@asynccontextmanager
async def told(url: str, team_id: str, story: Story) -> AsyncIterator[Any]:
    """The ledger and the read models hold the story; a pool to ask them."""
    history = History(position=next(_POSITIONS) * 1_000)
    for at, named, fact in sorted(facts(team_id, story), key=lambda one: one[0]):
        envelopes = history.command((named, fact))
        await project(url, [[replace(envelope, recorded_at=at) for envelope in envelopes]])
    async with opened_books(url, NOW) as books:
        by = Attribution(team=Life(team_id, 1))
        for start in range(0, len(story.calls), 10):
            await books.book(*usage(team_id, story)[start : start + 10], by=by)
    pool = await open_pool(service_conninfo(url), 1, 2, "test")
    try:
        yield pool
    finally:
        await pool.close()


_POSITIONS = count(1)


async def windows_of(url: str, team_id: str, story: Story) -> list[Decimal]:
    """What the read side says of all windows since the team's birth, the oldest first."""
    async with told(url, team_id, story) as pool:
        question = Question(team_id, None, everybody=True, every_key=True, administers=())
        async with pool.connection() as connection:
            _, found = await bare_team(connection, question)
        assert found is not None
        spender = found.record.spender
        windows = list(spender.cadences.windows_back(NOW, story.zone, BORN))
        spending = Spending(pool, pool, story.zone, lambda: 0)
        [live] = await spending.now([spender], NOW)
        spent = await spending.within([Asked(spender, window) for window in windows], NOW)
        assert live == spent[0]
        return spent[::-1]


RESET_AS_IT_OPENED = Story(
    durations=[(BORN, None)],
    resets=[(BORN, Decimal(0))],
    calls=[],
    opened=Decimal("0.0001"),
    zone=ZoneInfo("UTC"),
)


@settings(max_examples=50, deadline=None)
@example(RESET_AS_IT_OPENED)
@given(stories())
def test_every_window_tells_what_was_sent(url: str, story: Story) -> None:
    team_id = next(NAMES)
    assert asyncio.run(windows_of(url, team_id, story)) == expected(story)
