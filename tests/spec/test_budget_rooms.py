"""What is known to reach nothing is not judged; what may reach something always is."""

from datetime import timedelta

from services.command.application.budget_rooms import UNBOUNDED, Room, Rooms, Spent
from services.spend.budgets import Account
from services.spend.windows import Window
from tests.support.eventlog import START
from tests.support.facts import usd

CORE, LAB = Account("team", "core", 1), Account("team", "lab", 1)
DAY = Window(START, START + timedelta(days=1))


def spent(amount: str, hours: float = 0, account: Account = CORE) -> Spent:
    at = START + timedelta(hours=hours)
    return Spent(account, at, at, usd(amount))


def knowing(room: Room, account: Account = CORE) -> Rooms:
    rooms = Rooms()
    rooms.keep({account: room})
    return rooms


def test_what_is_not_known_is_judged() -> None:
    assert not Rooms().holds(spent("0.01"))
    assert not knowing(UNBOUNDED, LAB).holds(spent("0.01"))


def test_room_is_used_up_to_the_last_digit() -> None:
    rooms = knowing(Room(DAY, usd(2)))
    assert rooms.holds(spent("1.5"))
    assert rooms.holds(spent("0.499999999999999999"))
    assert not rooms.holds(spent("0.000000000000000001"))


def test_what_exactly_fills_it_reaches_the_threshold() -> None:
    assert not knowing(Room(DAY, usd(2))).holds(spent("2"))


def test_other_windows_are_judged() -> None:
    rooms = knowing(Room(DAY, None))
    assert rooms.holds(spent("1000", hours=23.9))
    assert not rooms.holds(spent("1", hours=24))
    assert not rooms.holds(spent("1", hours=-0.1))
    assert not rooms.holds(Spent(CORE, START - timedelta(hours=1), START, usd(1)))


def test_without_a_threshold_nothing_is_judged() -> None:
    assert knowing(UNBOUNDED).holds(spent("1000000", hours=10_000))


def test_what_is_forgotten_is_judged() -> None:
    rooms = knowing(UNBOUNDED)
    rooms.keep({LAB: UNBOUNDED})
    rooms.forget([CORE])
    assert not rooms.holds(spent("1"))
    assert rooms.holds(spent("1", account=LAB))
    rooms.forget_all()
    assert not rooms.holds(spent("1", account=LAB))


def test_who_has_not_looked_at_everything_since_knows_nothing() -> None:
    rooms = knowing(UNBOUNDED)
    rooms.end((7, 3))
    rooms.begin((7, 3))
    assert rooms.holds(spent("1"))
    rooms.begin((8, 3))
    assert not rooms.holds(spent("1"))


def test_memory_is_bounded() -> None:
    rooms = Rooms(kept=2)
    rooms.keep({CORE: UNBOUNDED, LAB: UNBOUNDED})
    rooms.keep({Account("team", "edge", 1): UNBOUNDED})
    assert not rooms.holds(spent("1"))
