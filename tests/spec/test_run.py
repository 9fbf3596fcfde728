"""What arrives from a topic, put in order: repeats, gaps, whole commands."""

from uuid import UUID

import pytest

from events.messages import Received, Stored
from services.projection.feed.run import Run

EPOCH = UUID(int=1)


def record(position: int, *, ends: bool = True, size: int = 1) -> Received:
    return Received(Stored("team-a", position, position, "team.x", b"x" * size), EPOCH, ends)


def run_of(*positions: int, **bounds: int) -> Run:
    run = Run(**bounds)
    run.add([record(position) for position in positions])
    return run


def taken(run: Run, position: int, limit: int = 100) -> list[int]:
    return [each.position for each in run.take(position, limit)]


def test_what_follows_is_given_until_a_later_position_is_asked_for() -> None:
    run = run_of(1, 2, 3)
    assert taken(run, 0, limit=2) == [1, 2]
    assert taken(run, 0) == [1, 2, 3]
    assert taken(run, 2) == [3]
    assert taken(run, 0) == []


@pytest.mark.parametrize("positions", [(1, 2, 2, 3), (1, 2, 3, 1, 2, 3), (1, 2, 3, 2)])
def test_repeats_are_dropped(positions: tuple[int, ...]) -> None:
    run = run_of(*positions)
    assert taken(run, 0) == [1, 2, 3]
    assert not run.add([record(3)])
    assert taken(run, 3) == []
    assert not run.add([record(2)])


def test_behind_a_gap_it_begins_anew() -> None:
    run = run_of(1, 2, 5, 6)
    assert run.missing_after(2) == 2
    assert run.ready(2)
    assert taken(run, 2) == []
    assert taken(run, 4) == [5, 6]
    assert not run.missing_after(4)


def test_half_a_command_waits_for_its_end() -> None:
    run = Run()
    run.add([record(1), record(2, ends=False)])
    assert taken(run, 0) == [1]
    assert not run.ready(1)
    assert taken(run, 1) == []
    run.add([record(3, ends=False), record(4)])
    assert run.ready(1)
    assert taken(run, 1, limit=1) == [2, 3, 4]


@pytest.mark.parametrize(("capacity", "capacity_bytes"), [(3, 1_000), (100, 30)])
def test_a_full_run_has_room_again_once_it_is_projected(capacity: int, capacity_bytes: int) -> None:
    run = Run(capacity, capacity_bytes)
    run.add([record(position, size=10) for position in (1, 2, 3)])
    assert not run.wait_for_room(0)
    taken(run, 1)
    assert run.wait_for_room(0)


def test_a_restart_forgets_what_was_promised() -> None:
    run = run_of(1, 10**12)
    assert run.missing_after(1)
    run.restart(1)
    assert not run.ready(1)
    run.add([record(1), record(2)])
    assert taken(run, 1) == [2]
