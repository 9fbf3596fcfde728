"""Budget durations: team-api.md 1.7, and what register D36 to D38 ask for instead."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from events.duration import BudgetDuration

WEDNESDAY = datetime(2026, 3, 11, 13, 27, 45, tzinfo=UTC)
ZONE_UTC = ZoneInfo("UTC")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def reset(duration: str, now: datetime, zone: str = "UTC", anchor: datetime | None = None) -> str:
    """The next reset as the zone's own clock shows it."""
    there = ZoneInfo(zone)
    moment = BudgetDuration.parse(duration).next_reset(now, anchor or now, there)
    assert moment.tzinfo is UTC
    return moment.astimezone(there).isoformat()


def start(duration: str, now: datetime, zone: str = "UTC", anchor: datetime | None = None) -> str:
    there = ZoneInfo(zone)
    moment = BudgetDuration.parse(duration).window_start(now, anchor or now, there)
    return moment.astimezone(there).isoformat()


@pytest.mark.parametrize(
    "text", ["30s", "15m", "36h", "1d", "7d", "1w", "30d", "1mo", "2mo", "1y", "100y", "36500d"]
)
def test_what_is_accepted_reads_back_as_it_was_written(text: str) -> None:
    assert str(BudgetDuration.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "30", "d", "1D", "daily", "soon", "1.5d", "-1d", "+1d", "0d", "01d", "1e3s", "1ms"),
        *("1d12h", "1days", "1months", "1 d", " 1d", "1d ", "1d\n", "1d\0", "1\N{MICRO SIGN}"),
        *("\N{ARABIC-INDIC DIGIT ONE}d", "9" * 5000 + "s"),
    ],
)
def test_anything_else_is_refused_naming_what_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="expected a whole number of s, m, h, d, w, mo or y"):
        BudgetDuration.parse(text)


@pytest.mark.parametrize("text", ["101y", "1201mo", "5201w", "36501d", "876001h", "9999999999s"])
def test_a_duration_is_at_most_a_hundred_years(text: str) -> None:
    with pytest.raises(ValueError, match="at most 100 years"):
        BudgetDuration.parse(text)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("1d", "2026-03-12T00:00:00+00:00"),
        ("7d", "2026-03-16T00:00:00+00:00"),
        ("30d", "2026-04-01T00:00:00+00:00"),
        ("1mo", "2026-04-01T00:00:00+00:00"),
        ("14d", "2026-03-25T00:00:00+00:00"),
        ("28d", "2026-04-08T00:00:00+00:00"),
        ("1h", "2026-03-11T14:00:00+00:00"),
        ("24h", "2026-03-12T00:00:00+00:00"),
        ("30m", "2026-03-11T13:30:00+00:00"),
        ("30s", "2026-03-11T13:28:00+00:00"),
    ],
)
def test_litellms_examples_hold(duration: str, expected: str) -> None:
    assert reset(duration, WEDNESDAY) == expected


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("1w", "2026-03-16T00:00:00+00:00"),
        ("48h", "2026-03-13T00:00:00+00:00"),
        ("30h", "2026-03-12T06:00:00+00:00"),
        ("90m", "2026-03-11T13:30:00+00:00"),
        ("2mo", "2026-05-01T00:00:00+00:00"),
        ("1y", "2027-01-01T00:00:00+00:00"),
        ("2y", "2028-01-01T00:00:00+00:00"),
        ("2w", "2026-03-25T00:00:00+00:00"),
    ],
)
def test_what_litellm_got_wrong_is_right(duration: str, expected: str) -> None:
    assert reset(duration, WEDNESDAY) == expected


@pytest.mark.parametrize(
    ("duration", "now", "expected"),
    [
        ("1d", "2026-03-11T00:00:00", "2026-03-12T00:00:00+00:00"),
        ("7d", "2026-03-16T00:00:00", "2026-03-23T00:00:00+00:00"),
        ("1mo", "2026-12-01T00:00:00", "2027-01-01T00:00:00+00:00"),
        ("1y", "2027-01-01T00:00:00", "2028-01-01T00:00:00+00:00"),
        ("6h", "2026-03-11T18:00:00", "2026-03-12T00:00:00+00:00"),
        ("15m", "2026-03-11T23:45:00", "2026-03-12T00:00:00+00:00"),
    ],
)
def test_on_a_boundary_the_next_one_counts(duration: str, now: str, expected: str) -> None:
    assert reset(duration, utc(now)) == expected


@pytest.mark.parametrize(
    ("duration", "first", "second"),
    [
        ("3mo", "2026-02-01T00:00:00+00:00", "2026-05-01T00:00:00+00:00"),
        ("10d", "2026-03-11T00:00:00+00:00", "2026-03-21T00:00:00+00:00"),
        ("7h", "2026-03-11T07:00:00+00:00", "2026-03-11T14:00:00+00:00"),
        ("7m", "2026-03-11T13:25:00+00:00", "2026-03-11T13:32:00+00:00"),
        ("3y", "2024-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_other_windows_are_counted_from_the_anchor(duration: str, first: str, second: str) -> None:
    began = utc("2024-11-26T09:30:00")
    anchors = {"3y": began, "3mo": began, "10d": utc("2026-02-19T08:00:00")}
    anchor = anchors.get(duration, utc("2026-03-11T05:59:59"))
    now = WEDNESDAY
    assert (start(duration, now, anchor=anchor), reset(duration, now, anchor=anchor)) == (
        first,
        second,
    )


def test_windows_reach_back_before_the_anchor() -> None:
    anchor = WEDNESDAY + timedelta(days=100)
    assert start("10d", WEDNESDAY, anchor=anchor) == "2026-03-11T00:00:00+00:00"
    assert reset("10d", WEDNESDAY, anchor=anchor) == "2026-03-21T00:00:00+00:00"


def test_a_week_over_a_change_of_clocks_still_ends_at_midnight() -> None:
    saturday = utc("2026-03-07T12:00:00")
    assert start("7d", saturday, "US/Eastern") == "2026-03-02T00:00:00-05:00"
    assert reset("7d", saturday, "US/Eastern") == "2026-03-09T00:00:00-04:00"


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_change() -> None:
    now = utc("2026-04-23T23:00:00")
    assert start("1d", now, "Africa/Cairo") == "2026-04-24T01:00:00+03:00"
    assert reset("1d", now, "Africa/Cairo") == "2026-04-25T00:00:00+03:00"


def test_a_midnight_shown_twice_starts_one_day() -> None:
    for passed in ("2026-11-01T04:30:00", "2026-11-01T05:30:00"):
        assert start("1d", utc(passed), "America/Havana") == "2026-11-01T00:00:00-04:00"
        assert reset("1d", utc(passed), "America/Havana") == "2026-11-02T00:00:00-05:00"


def test_a_day_that_a_zone_left_out_has_no_window() -> None:
    last_before = utc("2011-12-30T09:00:00")
    assert reset("1d", last_before, "Pacific/Apia") == "2011-12-31T00:00:00+14:00"


def test_an_hour_shown_twice_is_two_windows_of_an_hour() -> None:
    first_pass, second_pass = utc("2026-10-25T00:30:00"), utc("2026-10-25T01:30:00")
    assert reset("1h", first_pass, "Europe/Berlin") == "2026-10-25T02:00:00+01:00"
    assert start("1h", second_pass, "Europe/Berlin") == "2026-10-25T02:00:00+01:00"


def test_a_longer_window_over_an_hour_shown_twice_is_one_window() -> None:
    for passed in ("2026-10-25T00:30:00", "2026-10-25T01:30:00"):
        assert start("2h", utc(passed), "Europe/Berlin") == "2026-10-25T02:00:00+02:00"
        assert reset("2h", utc(passed), "Europe/Berlin") == "2026-10-25T04:00:00+01:00"


def test_a_boundary_inside_hours_shown_twice_counts_the_first_time() -> None:
    second_pass = utc("2026-10-25T01:30:00")
    assert start("2h", second_pass, "Antarctica/Troll") == "2026-10-25T02:00:00+02:00"
    assert reset("2h", second_pass, "Antarctica/Troll") == "2026-10-25T04:00:00+00:00"


def test_minutes_go_on_over_a_skipped_hour() -> None:
    assert reset("5m", utc("2026-03-29T00:58:00"), "Europe/Berlin") == "2026-03-29T03:00:00+02:00"


def test_clocks_that_change_by_half_an_hour_start_a_new_hour() -> None:
    now = utc("2026-04-04T14:50:00")
    assert reset("1h", now, "Australia/Lord_Howe") == "2026-04-05T01:30:00+10:30"


def test_an_expiry_is_a_true_interval() -> None:
    assert BudgetDuration.parse("36h").expires_after(WEDNESDAY) == utc("2026-03-13T01:27:45")
    assert BudgetDuration.parse("30d").expires_after(WEDNESDAY) == utc("2026-04-10T13:27:45")


@pytest.mark.parametrize(
    ("duration", "begun", "expected"),
    [
        ("1mo", "2026-01-31T10:00:00", "2026-02-28T10:00:00"),
        ("1mo", "2024-01-31T10:00:00", "2024-02-29T10:00:00"),
        ("13mo", "2026-12-31T10:00:00", "2028-01-31T10:00:00"),
        ("1mo", "2026-11-30T10:00:00", "2026-12-30T10:00:00"),
        ("1y", "2024-02-29T10:00:00", "2025-02-28T10:00:00"),
    ],
)
def test_months_keep_the_day_or_end_with_the_month(
    duration: str, begun: str, expected: str
) -> None:
    assert BudgetDuration.parse(duration).expires_after(utc(begun)) == utc(expected)


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = WEDNESDAY.replace(tzinfo=None)
    with pytest.raises(ValueError, match="has no time zone"):
        BudgetDuration.parse("1d").next_reset(naive, WEDNESDAY, ZONE_UTC)
    with pytest.raises(ValueError, match="has no time zone"):
        BudgetDuration.parse("1d").expires_after(naive)
