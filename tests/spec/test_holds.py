"""What is held, in memory: reservations count until they are ended, or expire by the clock."""

import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from services.spend.holds import Hold, Holds

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEAM = 1


def after(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def make(holds: Holds, number: int, usd: int, seconds: int) -> None:
    """A reservation that expires after so many seconds."""
    change = holds.change + 1
    holds.fold(Hold(change, UUID(int=number), (TEAM,), Decimal(usd), after(seconds)))


def end(holds: Holds, number: int, usd: int) -> None:
    holds.fold(Hold(holds.change + 1, UUID(int=number), (TEAM,), Decimal(-usd), NOW))


def begun() -> Holds:
    holds = Holds()
    holds.begin(0, ())
    return holds


def test_what_expires_holds_nothing_though_its_end_is_not_recorded_yet() -> None:
    holds = begun()
    make(holds, 1, usd=2, seconds=10)
    make(holds, 2, usd=3, seconds=20)
    held = [holds.held(TEAM, after(seconds)) for seconds in (0, 9, 10, 20)]
    assert held == [5, 5, 3, 0]
    assert holds.recorded(TEAM) == 5


def test_what_has_ended_is_not_remembered_until_it_would_have_expired() -> None:
    """One call after the other: each ends before the next is held, an hour before it would."""
    holds = begun()
    for number in range(10_000):
        make(holds, number, usd=1, seconds=3_600)
        assert holds.held(TEAM, NOW) == 1
        end(holds, number, usd=1)
        assert holds.held(TEAM, NOW) == 0
    assert len(pickle.dumps(holds)) < len(pickle.dumps([UUID(int=n) for n in range(1_000)]))


def test_others_expire_in_time_however_many_have_ended() -> None:
    holds = begun()
    for number in range(50):
        make(holds, number, usd=1, seconds=50 - number)
    assert holds.held(TEAM, after(10)) == 40
    for number in range(1_000, 2_000):
        make(holds, number, usd=1, seconds=3_600)
        end(holds, number, usd=1)
    assert [holds.held(TEAM, after(seconds)) for seconds in (10, 11, 49, 50)] == [40, 39, 1, 0]
    assert holds.recorded(TEAM) == len(holds) == 50
