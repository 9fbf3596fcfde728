"""Whatever calls are made and however their sums are divided, in any zone: they add up exactly."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.usage import UsageCorrected, UsageRecorded
from services.command.application.day_sums import DaySums
from services.command.domain.usage import Attribution
from services.database.connections import open_pool, reports_conninfo
from services.database.embedded import EmbeddedServer
from services.edge.shapes.activity import Metrics, total
from services.edge.shapes.spend_groups import By
from services.projection.api.days import zone_of
from services.projection.queries.reading import snapshot
from services.projection.queries.spend_groups import spend_groups
from services.projection.queries.usage_scope import UsageFilter, UsageScope
from services.projection.queries.usage_sums import Sums
from services.spend.calendar import DAY, Calendar
from tests.support.eventlog import create_store
from tests.support.postgres import fresh_database
from tests.support.usage import member_of, opened_books, used

ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kolkata"),
    *("Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Kiritimati"),
    *("480", "-570"),
]
CHANGES = [date(2026, 3, 29), date(2026, 4, 5), date(2026, 10, 25), date(2026, 11, 1)]
"""Days on which clocks change: in Berlin, on Lord Howe and Chatham, in New York, St. John's."""

GROUPINGS: list[tuple[By, ...]] = [
    *((), ("day",), ("hour",), ("hour", "day"), ("organization",), ("team", "day"), ("member",)),
    *(("key", "model"), ("provider", "hour"), ("tag",), ("day", "tag", "team")),
    ("model", "team", "member", "key", "organization", "provider", "day"),
]
FIELDS = {"organization": "organization_id", "team": "team_id", "member": "user_id"}
Spent = dict[tuple[object, ...], Metrics]


@dataclass(frozen=True)
class Made:
    """A call, whose it is, and by how much its cost was corrected later."""

    call: UsageRecorded
    team: str
    user: str
    correction: Decimal | None


@st.composite
def made(draw: st.DrawFn, around: date) -> Made:
    anywhen = st.integers(-2 * 86_400, 3 * 86_400)
    on_the_quarter = st.integers(-100, 150).map(lambda n: n * 900)
    seconds = draw(anywhen | on_the_quarter | on_the_quarter.map(lambda second: second - 1))
    begin = datetime(around.year, around.month, around.day, tzinfo=UTC)
    user = draw(st.sampled_from(["ann", "bob"]))
    call = used(
        draw(st.integers(0, 10**9)),
        str(Decimal(draw(st.integers(0, 10**14))).scaleb(-12)),
        begin + timedelta(seconds=seconds),
        key=draw(st.sampled_from(["ab" * 32, "cd" * 32, None])),
        model=draw(st.sampled_from(["gpt-4o", "o3"])),
        tokens=(draw(st.integers(0, 5000)), draw(st.integers(0, 500))),
        failed=draw(st.booleans()),
        provider=draw(st.sampled_from(["openai", "azure", None])),
        tags=tuple(draw(st.sets(st.sampled_from(["a", "b", "=c"])))),
    )
    team = draw(st.sampled_from(["red", "blue"]))
    correction = draw(st.none() | st.integers(-(10**13), 10**13))
    return Made(call, team, user, None if correction is None else Decimal(correction).scaleb(-12))


@st.composite
def histories(draw: st.DrawFn) -> tuple[date, list[Made]]:
    around = draw(st.sampled_from(CHANGES))
    found = draw(st.lists(made(around), max_size=25, unique_by=lambda each: each.call.id))
    return around, found


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedServer) -> Iterator[str]:
    with fresh_database(postgres_server) as address:
        create_store(address)
        yield address


def paid_by(each: Made, organization: str) -> Attribution:
    return member_of(each.team, each.user, organization)


async def book(url: str, around: date, calls: Sequence[Made], organization: str, cut: int) -> None:
    """Everything, of which the first calls are summed by day at once."""
    now = datetime(around.year, around.month, around.day, tzinfo=UTC) + 4 * DAY
    async with opened_books(url, now) as books:
        for place, each in enumerate(calls):
            await books.book(each.call, by=paid_by(each, organization), source=organization)
            if each.correction is not None:
                fix = UsageCorrected(id=f"fix-{place}", corrects=each.call.id, cost=each.correction)
                await books.book(fix, source=organization)
            if place == cut:
                await DaySums(books.pool).work_off(fewest=1, most=7)


async def asked(url: str, organization: str, calendar: Calendar, by: Sequence[By]) -> Spent:
    """What is answered, by the values that tell groups apart."""
    scope = UsageScope(filter=UsageFilter(organization_ids=[organization]))
    reports = await open_pool(reports_conninfo(url), 1, 1, "reports")
    async with reports as pool, snapshot(pool) as ledger:
        sums = await Sums.of(ledger, scope, calendar)
        return {
            tuple(told[FIELDS.get(name, name)] for name in by): metrics
            async for chunk in spend_groups(sums, by)
            for told, metrics in chunk
        }


def expected(
    calls: Sequence[Made], organization: str, calendar: Calendar, by: Sequence[By]
) -> Spent:
    """The same from what was sent, by looking at the clock."""
    found: defaultdict[tuple[object, ...], list[Metrics]] = defaultdict(list)
    for each in calls:
        began = each.call.started_at.astimezone(calendar.zone)
        began = began.astimezone(timezone(began.utcoffset() or timedelta()))
        if not calendar.first <= began.date() <= calendar.last:
            continue
        told: dict[str, object] = {
            "organization": organization,
            "team": each.team,
            "member": each.user,
            "key": each.call.key_hash,
            "model": each.call.model,
            "provider": each.call.provider,
            "day": began.date().isoformat(),
            "hour": began.replace(minute=0, second=0, microsecond=0).isoformat(),
        }
        for tag in each.call.tags or (None,) if "tag" in by else (None,):
            found[tuple({**told, "tag": tag}[name] for name in by)].append(metrics_of(each))
    return {key: total(parts) for key, parts in found.items()}


def metrics_of(each: Made) -> Metrics:
    call, failed = each.call, each.call.status == "failure"
    cost = call.cost + (each.correction or 0)
    tokens = call.prompt_tokens, call.completion_tokens
    return Metrics(cost, *tokens, 0, 0, int(not failed), int(failed))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    histories(),
    st.sampled_from(ZONES),
    st.lists(st.sampled_from(GROUPINGS), min_size=3, max_size=4, unique=True),
    st.tuples(st.integers(-3, 3), st.integers(0, 4)),
    st.integers(-1, 20),
)
def test_groups_add_up_to_the_range_in_every_zone(  # noqa: PLR0913, PLR0917 - all is drawn
    url: str,
    history: tuple[date, list[Made]],
    zone: str,
    groupings: list[tuple[By, ...]],
    span: tuple[int, int],
    cut: int,
) -> None:
    around, calls = history
    first = around + span[0] * DAY
    calendar = Calendar.of(zone_of(zone), first, first + span[1] * DAY)
    organization = f"org-{uuid4()}"

    async def everything() -> None:
        await book(url, around, calls, organization, cut)
        [whole] = (await asked(url, organization, calendar, ())).values() or [Metrics()]
        for by in groupings:
            groups = await asked(url, organization, calendar, by)
            assert groups == expected(calls, organization, calendar, by)
            if "tag" not in by:
                assert total([*groups.values()]) == whole

    asyncio.run(everything())
