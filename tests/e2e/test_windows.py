"""Windows over HTTP: exact whatever happens to the service, and none is ever rewritten.

What has been there for weeks is put into the log before the service starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest

from events.key import KeyGenerated
from events.registry import DomainEvent
from events.streams import KEY, TEAM, Stream, stream
from events.team import TeamBudgetChanged
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.facts import budget, created, key_settings
from tests.support.gateway import Gateway, called
from tests.support.ledger import Ledger
from tests.support.postgres import fresh_database
from tests.support.service import Start, on_database

ZONE = ZoneInfo("America/New_York")
BORN = datetime.now(UTC) - timedelta(days=30)
RAISED = BORN + timedelta(days=20)
DAILY, SECRET = "daily", "sk-daily-windows"


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedServer) -> Iterator[str]:
    with fresh_database(postgres_server) as url:
        create_store(url)
        create_read(url)
        with owner(url) as log:
            _past(log)
        yield url


def _past(log: psycopg.Connection[Any]) -> None:
    """A team with a budget of a day, which was raised, and a key of it."""
    history = History()

    def happened(at: datetime, named: Stream, fact: DomainEvent) -> None:
        append(log, [replace(each, recorded_at=at) for each in history.command((named, fact))])

    team, key = stream(TEAM, DAILY), stream(KEY, hash_key(SECRET))
    first, second = budget(10, 8, "1d"), budget(20, 8, "1d")
    happened(BORN, team, created(budget=first))
    settings = key_settings(team_id=DAILY, team_incarnation=1)
    happened(BORN, key, KeyGenerated(settings=settings))
    happened(RAISED, team, TeamBudgetChanged(before=first, after=second))


@contextmanager
def running(url: str, start: Start) -> Iterator[Ledger]:
    """A service on the database, until it is stopped, gracefully."""
    service = start({**on_database(url), "TEAMLEDGER_TIMEZONE": str(ZONE)})
    with (
        httpx.Client(base_url=service.base_url, timeout=30) as http,
        psycopg.connect(url, autocommit=True) as database,
    ):
        yield Ledger(service, url, http, database)
    assert service.stop() == 0


def all_windows(ledger: Ledger, path: str, limit: int) -> list[dict[str, Any]]:
    """All pages of them, the newest first."""
    found, query = list[dict[str, Any]](), dict[str, str | int](limit=limit)
    while True:
        page = ledger.shown(path, **query)
        assert len(page["windows"]) <= limit
        found += page["windows"]
        if page["next_before"] is None:
            return found
        query["before"] = page["next_before"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_windows_are_exact_after_a_stop_across_three_resets(url: str, start_service: Start) -> None:
    """The service is away while a budget of a second is reset at least three times."""
    now = datetime.now(UTC)
    calls = [(now - timedelta(hours=7 * n + 1), 0.25 * (n + 1)) for n in range(20)]
    with running(url, start_service) as ledger:
        gateway = Gateway(ledger)
        ledger.done("/team/new", {"team_id": "quick", "max_budget": 1, "budget_duration": "1s"})
        quick, spent_at = ledger.key(team_id="quick"), datetime.now(UTC)
        gateway.spends(quick, 0.75, spent_at)
        gateway.report([called(SECRET, cost, at) for at, cost in calls])
        before = all_windows(ledger, f"/v1/teams/{DAILY}/windows", 100)
    with running(url, start_service) as ledger:
        while datetime.now(UTC) < spent_at + timedelta(seconds=4):
            ledger.get("/health/liveliness")
        assert ledger.shown("/team/info", team_id="quick")["team_info"]["spend"] == 0.0
        quickly = all_windows(ledger, "/v1/teams/quick/windows", 3)
        held = [w for w in quickly if moment(w["start"]) <= spent_at < moment(w["end"])]
        assert [w["spend"] for w in held] == [0.75]
        assert sum(w["spend"] for w in quickly) == 0.75
        assert len([w for w in quickly if moment(w["start"]) > spent_at]) >= 3
        after = all_windows(ledger, f"/v1/teams/{DAILY}/windows", 100)
    assert [{**w, "resets_in_seconds": 0} for w in after[1:]] == [
        {**w, "resets_in_seconds": 0} for w in before[-len(after) + 1 :]
    ]
    for window in after:
        start, end = moment(window["start"]), moment(window["end"])
        assert window["spend"] == sum(cost for at, cost in calls if start <= at < end)
        assert start.astimezone(ZONE).time() == end.astimezone(ZONE).time() == datetime.min.time()


def test_past_windows_keep_the_budget_they_had(url: str, start_service: Start) -> None:
    with running(url, start_service) as ledger:
        before = all_windows(ledger, f"/v1/teams/{DAILY}/windows", 7)
        assert all(newer["start"] == older["end"] for newer, older in pairwise(before))
        for window in before[1:]:
            raised = moment(window["end"]) > RAISED
            assert (window["max_budget"], window["soft_budget"]) == (20.0 if raised else 10.0, 8.0)
            assert window["resets_in_seconds"] is None
        assert moment(before[-1]["start"]) <= BORN < moment(before[-1]["end"])
        present = before[0]
        assert 0 <= present["resets_in_seconds"] <= 25 * 3600
        changed = {"team_id": DAILY, "max_budget": 5, "soft_budget": 1, "budget_duration": "1mo"}
        ledger.done("/team/update", changed)
        after = all_windows(ledger, f"/v1/teams/{DAILY}/windows", 50)
        assert after[1:] == before[1:]
        assert (after[0]["start"], after[0]["spend"]) == (present["start"], present["spend"])
        assert (after[0]["max_budget"], after[0]["soft_budget"]) == (5.0, 1.0)
        shown = ledger.shown("/team/info", team_id=DAILY)["team_info"]
        assert (after[0]["end"], after[0]["spend"]) == (shown["budget_reset_at"], shown["spend"])
