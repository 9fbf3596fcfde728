"""What a feed and the process that reads a topic for it tell one another."""

from collections.abc import Sequence
from io import BytesIO
from uuid import UUID

import pytest

from events.messages import Received, Stored
from services.broker.cluster import Cluster
from services.projection.feed.pipe import Task, Wanted, frame, read_frame

EPOCH = UUID("0b7c9f64-5f0e-4f6e-9d7a-3a7f0f6f2f11")
SECURITY = {"security_protocol": "SASL_SSL", "sasl_plain_password": 'a "b"\n{c} ü'}


def arrived(*positions: int) -> list[Received]:
    return [
        Received(Stored("team-é\n", 2, n, "team.created", b"\x00{}\n\xff"), EPOCH, n % 2 == 0)
        for n in positions
    ]


def test_a_task_is_one_line_whatever_is_in_it() -> None:
    task = Task(Cluster(("a:9092", "b:9092"), SECURITY), "events", "INFO")
    assert task.line().count(b"\n") == 1
    assert Task.of(task.line()) == task


def test_an_order_is_one_line() -> None:
    wanted = Wanted(2**63 - 1, EPOCH)
    assert wanted.line().count(b"\n") == 1
    assert Wanted.of(wanted.line()) == wanted


@pytest.mark.parametrize("given", [arrived(1), arrived(7, 8, 8, 9), None])
def test_what_arrived_is_told_as_it_was(given: Sequence[Received] | None) -> None:
    pipe = BytesIO(frame(given) + frame(None))
    assert read_frame(pipe) == given
    assert read_frame(pipe) is None


@pytest.mark.parametrize("length", [0, 3, 4, 20, -1])
def test_a_pipe_that_ends_has_told_nothing_more(length: int) -> None:
    with pytest.raises(EOFError):
        read_frame(BytesIO(frame(arrived(1, 2))[:length]))
