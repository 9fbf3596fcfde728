"""Budgets of things that spend, and the windows they make, whatever is changed and when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from events.duration import BudgetDuration
from services.spend.budgets import (
    Budget,
    Cadences,
    Change,
    Holder,
    cadences,
    member_budget,
    member_cadences,
    since_ever,
    succeeding,
)
from services.spend.windows import FOR_EVER, Window

BORN = datetime(2026, 1, 7, 9, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [UTC, BERLIN, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")]
DURATIONS = [None, "1h", "5h", "36h", "1d", "7d", "10d", "1mo", "3mo"]


def day(number: int, month: int = 1) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


def later(days: int) -> datetime:
    return BORN + timedelta(days=days)


def changed(*changes: tuple[int, str | None]) -> Cadences:
    """Durations by the day on which they were set, the first with the thing itself."""
    return cadences([Change(later(days), text, first=days == 0) for days, text in changes])


def test_without_a_duration_there_is_one_window() -> None:
    assert Cadences().window(BORN, UTC) == FOR_EVER
    assert since_ever(None, BORN).window(BORN, UTC) == FOR_EVER


def test_a_thing_that_began_with_a_duration_has_its_windows() -> None:
    assert since_ever("1mo", BORN).window(BORN, UTC) == Window(day(1), day(1, 2))


def test_a_shorter_duration_ends_the_window_early_and_keeps_what_was_spent() -> None:
    paced = changed((0, "1mo"), (8, "7d"))
    assert paced.window(later(8), UTC) == Window(day(1), day(19))
    assert paced.window(later(7), UTC) == Window(day(1), day(19))
    assert paced.window(day(19), UTC) == Window(day(19), day(26))


def test_a_longer_duration_brings_back_nothing_that_is_over() -> None:
    paced = changed((0, "7d"), (8, "1mo"))
    assert paced.window(later(8), UTC) == Window(day(12), day(1, 2))
    assert paced.window(day(11), UTC) == Window(day(5), day(12))


def test_a_duration_set_later_ends_what_had_no_end() -> None:
    paced = cadences([Change(later(8), "1mo")])
    assert paced.window(BORN, UTC) == Window(None, day(1, 2))
    assert paced.window(day(1, 2), UTC) == Window(day(1, 2), day(1, 3))


def test_a_duration_that_is_cleared_leaves_the_window_open() -> None:
    assert changed((0, "7d"), (8, None)).window(day(1, 9), UTC) == Window(day(12), None)


def test_a_moment_set_by_hand_ends_the_window_and_the_duration_goes_on_from_there() -> None:
    by_hand = day(20)
    paced = cadences([Change(BORN, "1mo", first=True), Change(later(2), "1mo", by_hand)])
    assert paced.window(later(3), UTC) == Window(day(1), by_hand)
    assert paced.window(by_hand, UTC) == Window(by_hand, day(1, 2))
    assert paced.window(day(1, 2), UTC) == Window(day(1, 2), day(1, 3))


def test_repeating_a_duration_moves_no_anchor() -> None:
    paced = cadences([Change(BORN, "10d", first=True), Change(later(3), "10d", later(50))])
    present = paced.present
    assert present is not None
    assert present.anchor == BORN


def test_d37_members_follow_the_team_in_the_teams_own_windows() -> None:
    team = Budget(Decimal(9), None, changed((0, "10d")))
    free = member_budget(None, None, team)
    assert (free.max_budget, free.anchor) == (None, BORN)
    assert free.window(later(5), UTC) == team.window(later(5), UTC)
    own = Budget(Decimal(1), holder=Holder("member", "t", 1, "ann"))
    shared = Budget(Decimal(2), None, cadences([Change(later(1), "1d", first=True)]))
    assert member_budget(own, shared, team).max_budget == 1
    assert member_budget(own, shared, team).holder == own.holder
    assert member_budget(own, shared, team).duration == team.duration
    assert member_budget(None, shared, team).max_budget == 2
    assert member_budget(None, shared, team).duration == BudgetDuration.parse("1d")
    daily = Budget(Decimal(1), None, cadences([Change(later(2), "1h", first=True)]))
    assert member_budget(daily, shared, team).duration == BudgetDuration.parse("1h")


def test_limits_of_a_members_own_take_the_place_of_the_defaults_as_a_whole() -> None:
    unlimited = Budget(None, None, holder=Holder("member", "t", 1, "ann"))
    assert member_budget(unlimited, Budget(Decimal(2)), Budget()).max_budget is None


def test_d37_members_have_windows_as_their_limits_come_and_go() -> None:
    team, defaults = changed((0, "1mo")), changed((0, "7d"))
    of_members = defaults.over(team)
    assert member_cadences([], of_members, team) == of_members
    own = [(Change(later(8), None), True), (Change(later(30), None), False)]
    paced = member_cadences(own, of_members, team)
    assert paced.window(later(7), UTC) == Window(day(12), day(1, 2))
    assert paced.window(day(2, 2), UTC) == Window(day(1, 2), day(9, 2))
    assert paced.window(day(9, 2), UTC) == Window(day(9, 2), day(16, 2))
    joined = [(Change(later(8), "1d", first=True), True)]
    assert member_cadences(joined, of_members, team).window(later(9), UTC) == Window(
        day(16), day(17)
    )


def test_a_keys_own_fields_go_before_those_of_its_row() -> None:
    row = Budget(Decimal(5), Decimal(4), changed((0, "1d")), Holder("budget", "b", 1))
    own = Budget(Decimal(3), None, Cadences(), Holder("key", "k", 1))
    found = own.over(row)
    assert (found.max_budget, found.soft_budget) == (Decimal(3), Decimal(4))
    assert found.holder == own.holder
    assert found.duration == BudgetDuration.parse("1d")
    assert Budget().over(row).holder == row.holder
    assert own.over(None) == own


def test_another_row_takes_over_when_it_is_assigned() -> None:
    monthly, weekly = changed((0, "1mo")), cadences([Change(later(-40), "7d", first=True)])
    paced = succeeding([(BORN, monthly), (later(8), weekly)])
    assert paced.window(later(8), UTC) == Window(day(1), day(19))
    assert paced.window(day(19), UTC) == Window(day(19), day(26))


def test_what_was_without_a_row_goes_on_when_it_gets_one() -> None:
    paced = succeeding([(BORN, Cadences()), (later(8), changed((0, "1mo")))])
    assert paced.window(later(9), UTC) == Window(None, day(1, 2))


CHANGES = st.lists(
    st.tuples(st.integers(1, 20 * 24), st.sampled_from(DURATIONS)),
    max_size=4,
    unique_by=lambda change: change[0],
)
MINUTES = st.integers(0, 25 * 24 * 60)


@settings(deadline=None)
@given(st.sampled_from(DURATIONS), st.booleans(), CHANGES, MINUTES, st.sampled_from(ZONES))
def test_windows_cut_time_into_pieces_that_fit(
    begun: str | None,
    first: bool,  # noqa: FBT001
    changes: Sequence[tuple[int, str | None]],
    minutes: int,
    zone: tzinfo,
) -> None:
    told = [Change(BORN, begun, first=first)]
    told += [Change(BORN + timedelta(hours=h), text) for h, text in sorted(changes)]
    paced = cadences(told)
    moment = BORN + timedelta(minutes=minutes)
    found = list(paced.windows_back(moment, zone, BORN))
    assert found[0].holds(moment)
    assert found[-1].holds(BORN)
    assert all(newer.start == older.end for newer, older in pairwise(found))
    for window in found:
        inside = [m for m in (window.start, window.end and window.end - datetime.resolution) if m]
        assert all(paced.window(m, zone) == window for m in inside)


@settings(deadline=None)
@given(CHANGES, st.sampled_from(DURATIONS), st.sampled_from(ZONES))
def test_no_update_resets_spend(
    changes: Sequence[tuple[int, str | None]], wanted: str | None, zone: tzinfo
) -> None:
    told = [Change(BORN, "1d", first=True)]
    told += [Change(BORN + timedelta(hours=h), text) for h, text in sorted(changes)]
    now = later(100) + timedelta(minutes=17)
    before = cadences(told).window(now, zone)
    after = cadences([*told, Change(now, wanted)]).window(now, zone)
    assert after.start == before.start
