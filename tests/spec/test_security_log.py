"""What of refused calls is kept: alike ones together, and a flood as a few rows (decision 017)."""

from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from services.access.credentials import hash_key
from services.access.rules import POLICY
from services.database.security_log import (
    MOST_ROWS,
    MOST_WRONG_KEYS,
    WINDOW_SECONDS,
    Refused,
    SecurityLog,
)
from services.edge.watch import RefusedCall, is_privileged

KNOWN = Refused("POST", "/team/delete", 401, "auth_error", "a" * 16)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("services.database.security_log.time", clock)
    return clock


@pytest.fixture
def kept(clock: Clock) -> SecurityLog:  # noqa: ARG001 - its time stands still
    nowhere: AsyncConnectionPool[Any] = AsyncConnectionPool("", open=False)
    return SecurityLog(nowhere, most=100, days=1)


def rows(log: SecurityLog) -> dict[Refused, int]:
    return {row.refused: row.times for row in log.waiting}


def test_calls_that_were_refused_alike_are_one_row(kept: SecurityLog) -> None:
    for n in range(3):
        kept.note(KNOWN, f"req-{n}", wrong_key=False)
    kept.note(KNOWN._replace(route="/team/block"), "req-3", wrong_key=False)
    assert rows(kept) == {KNOWN: 3, KNOWN._replace(route="/team/block"): 1}
    [first, _] = kept.waiting
    assert first.correlation_id == "req-2"
    assert first.first_at <= first.last_at


def test_a_minute_later_it_is_another_row(kept: SecurityLog, clock: Clock) -> None:
    kept.note(KNOWN, "req-0", wrong_key=False)
    clock.seconds += WINDOW_SECONDS
    kept.note(KNOWN, "req-1", wrong_key=False)
    assert [(row.refused, row.times) for row in kept.waiting] == [(KNOWN, 1), (KNOWN, 1)]
    assert len({row.id for row in kept.waiting}) == 2


def test_a_flood_of_wrong_keys_is_told_together(kept: SecurityLog) -> None:
    flood = 5_000
    for n in range(flood):
        kept.note(KNOWN._replace(key=f"{n:016x}"), "req", wrong_key=True)
    assert len(rows(kept)) == MOST_WRONG_KEYS + 1
    assert rows(kept)[KNOWN._replace(key=None)] == flood - MOST_WRONG_KEYS
    kept.note(KNOWN, "req", wrong_key=False)
    assert rows(kept)[KNOWN] == 1


def test_rows_in_memory_are_bounded(kept: SecurityLog) -> None:
    for n in range(2 * MOST_ROWS):
        kept.note(KNOWN._replace(key=f"{n:016x}"), "req", wrong_key=False)
    assert len(rows(kept)) == MOST_ROWS


def test_routes_that_write_or_are_for_admins_are_watched() -> None:
    watched = {route for route in POLICY if is_privileged(route)}
    assert {"/team/new", "/key/generate", "/audit", "/v1/audit/export", "/v1/usage"} <= watched
    assert watched.isdisjoint({"/team/info", "/key/list", "/v1/events", "/models"})
    assert not is_privileged("/health/readiness")


def test_a_key_is_wrong_that_nobody_has_or_that_is_none() -> None:
    call = RefusedCall("POST", "/team/new", 401, "auth_error", hash_key("sk-x")[:16], "req")
    assert not call.wrong_key
    for wrong in (
        RefusedCall("POST", "/team/new", 401, "token_not_found_in_db", call.key, "req"),
        RefusedCall("POST", "/team/new", 401, "auth_error", None, "req"),
    ):
        assert wrong.wrong_key
