"""Whatever the duration, the anchor and the zone: windows tile time, also where clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from events import duration as windows
from events.duration import BudgetDuration

TICK = timedelta(microseconds=1)
unhurried = settings(deadline=None)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "US/Eastern",
    "America/Havana",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kwajalein",
]

LARGEST = {"s": 10_000, "m": 5_000, "h": 500, "d": 400, "w": 60, "mo": 40, "y": 5}
USUAL = ["1d", "7d", "30d", "1mo", "1h", "2h", "12h", "24h", "60m", "15m", "30s"]
SECONDS = {"s": 1, "m": 60, "h": 3600}

zones = st.sampled_from(ZONES).map(ZoneInfo)
durations = st.sampled_from(USUAL).map(BudgetDuration.parse) | st.sampled_from(
    sorted(LARGEST)
).flatmap(lambda unit: st.builds(BudgetDuration, st.integers(1, LARGEST[unit]), st.just(unit)))
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), timedelta(days=365 * 47)).map(lambda later: EARLIEST + later)


@st.composite
def near_a_clock_change(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone, and a moment within a few hours of a change of its clocks, if the year has one."""
    zone = draw(zones)
    day = datetime(draw(st.integers(1990, 2036)), 1, 1, tzinfo=UTC)
    days = [day + timedelta(days=n) for n in range(366)]
    offsets = [each.astimezone(zone).utcoffset() for each in days]
    changes = [
        here for here, old, new in zip(days, offsets, offsets[1:], strict=False) if old != new
    ]
    shift = timedelta(seconds=draw(st.integers(-6 * 3600, 30 * 3600)))
    return zone, draw(st.sampled_from(changes or days)) + shift


places = st.tuples(zones, moments) | near_a_clock_change()


@unhurried
@given(durations, moments, places)
def test_now_lies_in_its_window(
    duration: BudgetDuration, anchor: datetime, place: tuple[ZoneInfo, datetime]
) -> None:
    zone, now = place
    start, end = window(duration, now, anchor, zone)
    assert start <= now < end
    assert start.tzinfo is end.tzinfo is UTC


@unhurried
@given(durations, moments, places)
def test_windows_follow_one_another_without_gap_or_overlap(
    duration: BudgetDuration, anchor: datetime, place: tuple[ZoneInfo, datetime]
) -> None:
    zone, now = place
    start, end = window(duration, now, anchor, zone)
    assert window(duration, start, anchor, zone) == (start, end)
    assert window(duration, end - TICK, anchor, zone) == (start, end)
    assert window(duration, end, anchor, zone)[0] == end
    assert window(duration, start - TICK, anchor, zone)[1] == start


@unhurried
@given(durations.filter(lambda each: each.unit in {"d", "w", "mo", "y"}), moments, places)
def test_days_and_longer_begin_with_the_first_moment_of_a_local_day(
    duration: BudgetDuration, anchor: datetime, place: tuple[ZoneInfo, datetime]
) -> None:
    zone, now = place
    start = duration.window_start(now, anchor, zone)
    today = start.astimezone(zone).date()
    assert (start - TICK).astimezone(zone).date() < today
    if duration.unit in {"mo", "y"}:
        assert today.day == 1
    if str(duration) in {"7d", "1w"}:
        assert today.weekday() == 0


@unhurried
@given(durations.filter(lambda each: each.unit in SECONDS), moments, places)
def test_below_a_day_a_window_has_its_length_unless_clocks_change(
    duration: BudgetDuration, anchor: datetime, place: tuple[ZoneInfo, datetime]
) -> None:
    """One that would begin at an hour that is skipped begins at the change, and is shorter."""
    zone, now = place
    start, end = window(duration, now, anchor, zone)
    length = timedelta(seconds=duration.count * SECONDS[duration.unit])
    offsets = {each.astimezone(zone).utcoffset() for each in (start - TICK, start, end)}
    if len(offsets) == 1:
        assert end - start == length
    elif length <= timedelta(hours=1):
        assert end - start <= length


@unhurried
@given(durations, moments, moments)
def test_a_later_start_never_expires_earlier(
    duration: BudgetDuration, one: datetime, other: datetime
) -> None:
    first, second = sorted((one, other))
    assert first < duration.expires_after(first) <= duration.expires_after(second)


@unhurried
@given(durations)
def test_a_duration_is_its_text(duration: BudgetDuration) -> None:
    assert BudgetDuration.parse(str(duration)) == duration


@unhurried
@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        accepted = str(BudgetDuration.parse(text))
    except ValueError:
        return
    assert accepted == text


def window(
    duration: BudgetDuration, now: datetime, anchor: datetime, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """Found without what was found before."""
    windows.forget_windows()
    return duration.window_start(now, anchor, zone), duration.next_reset(now, anchor, zone)


@unhurried
@given(durations, moments, st.lists(places, min_size=2, max_size=5))
def test_what_was_asked_before_changes_no_window(
    duration: BudgetDuration, anchor: datetime, asked: list[tuple[ZoneInfo, datetime]]
) -> None:
    expected = [window(duration, now, anchor, zone) for zone, now in asked]
    for (zone, now), (start, end) in [*zip(asked, expected, strict=True)] * 2:
        for near in (end - TICK, now, start):
            assert duration.window_start(near, anchor, zone) == start
            assert duration.next_reset(near, anchor, zone) == end
