"""Whatever is called, and however it is booked and looked at: each threshold is told of once."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from events.streams import TEAM, stream
from services.command.application.alerts import Stretch
from services.spend.budgets import Account
from tests.support.alerts import PERCENTS, Watched
from tests.support.facts import budget, created

CORE = Account("team", "core", 1)
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
BUDGET, SOFT = Decimal(10), Decimal("2.5")
MOMENTS = st.integers(-72, 72).map(lambda hours: NOON + timedelta(hours=hours))
CALLS = st.tuples(MOMENTS, st.integers(0, 600).map(lambda cents: Decimal(cents).scaleb(-2)))


@dataclass(frozen=True)
class Course:
    """Batches of calls; whether each is looked at, by how many, at once or not, and again."""

    batches: Sequence[Sequence[tuple[datetime, Decimal]]]
    looks: Sequence[tuple[bool, int, bool]]


COURSES = st.lists(st.lists(CALLS, min_size=1, max_size=4), min_size=1, max_size=6).flatmap(
    lambda batches: st.builds(
        Course,
        st.just(batches),
        st.lists(
            st.tuples(st.booleans(), st.integers(1, 3), st.booleans()),
            min_size=len(batches),
            max_size=len(batches),
        ),
    )
)


def expected(course: Course) -> set[tuple[date, int | None]]:
    """From what was called alone: the days whose sum is as much as a threshold."""
    days: defaultdict[date, Decimal] = defaultdict(Decimal)
    for at, usd in (call for batch in course.batches for call in batch):
        days[at.date()] += usd
    limits: dict[int | None, Decimal] = {p: BUDGET * p / 100 for p in PERCENTS}
    limits[None] = SOFT
    return {(day, p) for day, sum_ in days.items() for p, least in limits.items() if sum_ >= least}


async def told(course: Course) -> list[tuple[date, int | None]]:
    watched = Watched()
    held = budget(str(BUDGET), str(SOFT), "1d")
    watched.record((stream(TEAM, "core"), created(budget=held)))
    pending: list[Stretch] = []
    for batch, (now, times, side_by_side) in zip(course.batches, course.looks, strict=True):
        watched.calls += [(CORE, at, usd) for at, usd in batch]
        pending += [Stretch(CORE, at, at) for at, _ in batch]
        if now:
            await _look(watched, pending, times, side_by_side=side_by_side)
            pending = []
    await _look(watched, pending, 1, side_by_side=False)
    return [(fact.window_start.date(), fact.percent) for fact in watched.told if fact.window_start]


async def _look(
    watched: Watched, stretches: Sequence[Stretch], times: int, *, side_by_side: bool
) -> None:
    """By so many processes; side by side each decides on what it knew before the others."""
    looks = [watched.look(*stretches) for _ in range(times)]
    if side_by_side:
        await asyncio.gather(*looks)
    else:
        for look in looks:
            await look


@settings(max_examples=60, deadline=None)
@given(COURSES)
def test_each_threshold_of_each_window_is_told_of_once(course: Course) -> None:
    found = asyncio.run(told(course))
    assert sorted(found, key=str) == sorted(expected(course), key=str)
