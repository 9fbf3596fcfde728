"""What counts in a budget window is decided by the clock, resets and opening balances alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from events.duration import BudgetDuration
from services.spend.windows import (
    FOR_EVER,
    Opening,
    Reset,
    Window,
    counting,
    window_at,
    windows_back,
)

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
DAY = Window(datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC))
BERLIN = ZoneInfo("Europe/Berlin")


def test_a_window_of_a_day_is_that_of_the_zone() -> None:
    found = window_at(NOON, BudgetDuration.parse("1d"), NOON, BERLIN)
    assert found == Window(
        datetime(2026, 11, 17, 23, tzinfo=UTC), datetime(2026, 11, 18, 23, tzinfo=UTC)
    )


def test_without_a_duration_everything_counts() -> None:
    assert window_at(NOON, None, NOON, UTC) == FOR_EVER
    assert list(windows_back(NOON, None, NOON, UTC)) == [FOR_EVER]
    assert counting(FOR_EVER, [], [Opening(NOON, Decimal(3))]).base == 3


def test_a_reset_begins_the_window_early_at_its_amount() -> None:
    at = NOON - timedelta(hours=1)
    found = counting(DAY, [Reset(at, Decimal(2)), Reset(at - timedelta(1), Decimal(9))], [])
    assert (found.base, found.since, found.until) == (Decimal(2), at, DAY.end)


def test_an_opening_balance_counts_in_the_window_it_was_read_in() -> None:
    within, before = Opening(NOON, Decimal(5)), Opening(NOON - timedelta(days=1), Decimal(7))
    assert counting(DAY, [], [within, before]).base == 5


def test_a_reset_leaves_behind_what_was_opened_before_it() -> None:
    opened, reset = Opening(NOON, Decimal(5)), Reset(NOON + timedelta(hours=1), Decimal(1))
    assert counting(DAY, [reset], [opened]).base == 1


@given(
    st.sampled_from(["1h", "5h", "1d", "7d", "10d", "1mo", "3mo"]),
    st.integers(0, 400 * 24),
    st.sampled_from([UTC, BERLIN, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")]),
)
def test_windows_follow_one_another_back_to_the_anchor(
    duration: str, hours: int, zone: ZoneInfo
) -> None:
    anchor = NOON - timedelta(hours=min(hours, 24 * 40 if duration.endswith("h") else hours))
    found = list(windows_back(NOON, BudgetDuration.parse(duration), anchor, zone))
    assert found[0].holds(NOON)
    assert found[-1].holds(anchor)
    assert all(newer.start == older.end for newer, older in pairwise(found))
