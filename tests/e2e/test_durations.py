"""Durations over HTTP, in a zone whose clocks change: one rule for all (1.7; D36, D37, D38).

The history of the teams that have been there for months is put into the log before the service
starts, so that windows are seen to go on, and to begin anew, long after they began.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest

from events.key import KeyGenerated
from events.registry import DomainEvent
from events.streams import KEY, TEAM, stream
from events.team import TeamBudgetChanged
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.facts import budget, created, key_settings
from tests.support.ledger import Ledger
from tests.support.postgres import fresh_database
from tests.support.refused import assert_refused
from tests.support.service import Start, on_database
from tests.support.windows import next_reset

ZONE = ZoneInfo("America/New_York")
SPELLINGS = ["30s", "15m", "36h", "1d", "7d", "1w", "30d", "1mo", "2mo", "1y"]
UNREADABLE = [
    *("", "30", "daily", "1D", "1.5d", "-1d", "0d", "abc", "1d12h", "1days", "1months", " 1d"),
    *("1 d", "1d\n", "101y", 30, ["1d"], {"days": 1}, True),
]
BLANK_IS_UNSET = ("/key/generate", "/user/new")
"""What is blank, the first of UNREADABLE, is a field that is not set (GenerateKey)."""
FIRST_DAY = datetime.now(UTC) - timedelta(days=200)
LATER, LATEST = FIRST_DAY + timedelta(days=31), FIRST_DAY + timedelta(days=95)
LONG_AGO = ["36h", "5h", "10d", "2w", "45d", "5mo", "3mo", "2y", "1mo", "7d", "30d", "90m"]


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    with fresh_database(postgres_server) as url:
        create_store(url)
        create_read(url)
        with owner(url) as log:
            _past(log)
        service = start_service({**on_database(url), "TEAMLEDGER_TIMEZONE": str(ZONE)})
        with (
            httpx.Client(base_url=service.base_url, timeout=30) as http,
            psycopg.connect(url, autocommit=True) as database,
        ):
            yield Ledger(service, url, http, database)
        assert service.stop() == 0


def _past(log: psycopg.Connection[Any]) -> None:
    history = History()

    def happened(at: datetime, name: str, fact: DomainEvent) -> None:
        kind, _, identity = name.partition("/")
        told = history.command((stream(TEAM if kind == "team" else KEY, identity), fact))
        append(log, [replace(envelope, recorded_at=at) for envelope in told])

    for duration in LONG_AGO:
        lasting = {"max_budget": "1", "budget_duration": duration}
        happened(FIRST_DAY, f"team/kept-{duration}", created(budget=lasting))
        happened(FIRST_DAY, f"team/changed-{duration}", created(budget={"budget_duration": "4d"}))
        happened(FIRST_DAY, f"team/cleared-{duration}", created(budget=lasting))
        key = KeyGenerated(settings=key_settings(budget_duration=duration))
        happened(FIRST_DAY, f"key/{hash_key(f'sk-{duration}')}", key)
    for duration in LONG_AGO:
        old, new = budget(1, duration=duration), budget(2, duration=duration)
        raised = TeamBudgetChanged(before=old, after=new)
        happened(LATER, f"team/kept-{duration}", raised)
        other = TeamBudgetChanged(before=budget(duration="4d"), after=old)
        happened(LATER, f"team/changed-{duration}", other)
        ended = TeamBudgetChanged(before=old, after=budget(1))
        happened(LATER, f"team/cleared-{duration}", ended)
    for duration in LONG_AGO:
        again = TeamBudgetChanged(before=budget(1), after=budget(1, duration=duration))
        happened(LATEST, f"team/cleared-{duration}", again)


def same_now(shown: str, duration: str, began: datetime) -> None:
    """The answer may have been given on either side of a boundary that has just passed."""
    moments = (datetime.now(UTC), datetime.now(UTC) - timedelta(seconds=10))
    expected = [next_reset(duration, began, moment, ZONE) for moment in moments]
    assert datetime.fromisoformat(shown) in expected, (shown, expected)


def info(ledger: Ledger, team_id: str) -> Any:  # noqa: ANN401
    return ledger.shown("/team/info", team_id=team_id)["team_info"]


# What is read as a duration


@pytest.mark.parametrize("duration", SPELLINGS)
def test_one_type_for_teams_members_keys_and_users(ledger: Ledger, duration: str) -> None:
    team_id, began = f"all-{duration}", datetime.now(UTC)
    lasting = {"max_budget": 5, "budget_duration": duration}
    member = {"team_member_budget": 1, "team_member_budget_duration": duration}
    team = ledger.done("/team/new", {"team_id": team_id, **lasting, **member})
    key = ledger.done("/key/generate", {**lasting, "team_id": team_id, "duration": duration})
    user = ledger.done("/user/new", {**lasting, "user_id": team_id})
    joining = {"user_id": team_id, "role": "user"}
    added = ledger.done("/team/member_add", {"team_id": team_id, "member": joining})
    shown = [
        team,
        ledger.shown("/key/info", key["key"])["info"],
        added["updated_users"][0],
    ]
    assert user["budget_duration"] == duration
    assert [each["budget_duration"] for each in shown] == [duration] * 3
    for each in shown:
        same_now(each["budget_reset_at"], duration, began)
    default = info(ledger, team_id)["team_member_budget_table"]
    assert default["budget_duration"] == duration
    assert datetime.fromisoformat(key["expires"]) > began


FIELDS = [
    ("/team/new", "budget_duration", {}),
    ("/team/new", "team_member_budget_duration", {"team_member_budget": 1}),
    ("/team/new", "team_member_key_duration", {}),
    ("/team/update", "budget_duration", {"team_id": "all-1d"}),
    ("/team/update", "team_member_budget_duration", {"team_id": "all-1d"}),
    ("/team/update", "team_member_key_duration", {"team_id": "all-1d"}),
    ("/key/generate", "budget_duration", {}),
    ("/key/generate", "duration", {}),
    ("/user/new", "budget_duration", {}),
]


@pytest.mark.parametrize(("path", "field", "body"), FIELDS)
def test_what_is_no_duration_is_422(
    ledger: Ledger, path: str, field: str, body: dict[str, Any]
) -> None:
    with ledger.nothing_stored():
        for text in UNREADABLE[path in BLANK_IS_UNSET :]:
            refused = ledger.post(path, {**body, field: text})
            assert_refused(refused, 422, "C", f"body.{field}: ")


def test_a_key_expires_after_a_true_interval(ledger: Ledger) -> None:
    before = datetime.now(UTC)
    for duration, length in (("36h", timedelta(hours=36)), ("30d", timedelta(days=30))):
        shown = ledger.done("/key/generate", {"duration": duration})["expires"]
        expires = datetime.fromisoformat(shown)
        assert before + length <= expires <= datetime.now(UTC) + length


# Where windows end, whatever the clocks do


def test_windows_end_at_local_midnight_on_both_sides_of_a_change_of_clocks(ledger: Ledger) -> None:
    offsets = set()
    for duration in [f"{n}mo" for n in range(1, 13)] + [f"{n}d" for n in range(20, 360, 30)]:
        began = datetime.now(UTC)
        shown = ledger.done("/team/new", {"budget_duration": duration})["budget_reset_at"]
        same_now(shown, duration, began)
        local = datetime.fromisoformat(shown).astimezone(ZONE)
        assert (local.hour, local.minute, local.second) == (0, 0, 0)
        offsets.add(local.utcoffset())
    assert offsets == {timedelta(hours=-5), timedelta(hours=-4)}


# When they begin: D38


@pytest.mark.parametrize("duration", LONG_AGO)
@pytest.mark.parametrize(
    ("team", "began"), [("kept", FIRST_DAY), ("changed", LATER), ("cleared", LATEST)]
)
def test_a_window_goes_on_until_the_duration_changes(
    ledger: Ledger, team: str, duration: str, began: datetime
) -> None:
    team_id = f"{team}-{duration}"
    same_now(info(ledger, team_id)["budget_reset_at"], duration, began)
    written = ledger.done("/team/unblock", {"team_id": team_id})
    same_now(written["budget_reset_at"], duration, began)
    resent = {"team_id": team_id, "budget_duration": duration}
    with ledger.nothing_stored():
        again = ledger.done("/team/update", resent)["data"]
    same_now(again["budget_reset_at"], duration, began)


@pytest.mark.parametrize("duration", LONG_AGO)
def test_a_keys_window_began_with_the_key(ledger: Ledger, duration: str) -> None:
    shown = ledger.shown("/key/info", key=hash_key(f"sk-{duration}"))["info"]
    same_now(shown["budget_reset_at"], duration, FIRST_DAY)


def test_another_duration_begins_now_and_null_ends_it(ledger: Ledger) -> None:
    team = {"team_id": "kept-45d"}
    ledger.done("/team/update", {**team, "max_budget": 9, "soft_budget": 3})
    same_now(info(ledger, "kept-45d")["budget_reset_at"], "45d", FIRST_DAY)
    began = datetime.now(UTC)
    for duration in ("46d", "45d", None, "45d"):
        sent = {**team, "budget_duration": duration}
        answers = ledger.done("/team/update", sent)["data"], info(ledger, "kept-45d")
        for shown in answers:
            assert (shown["budget_duration"], shown["max_budget"]) == (duration, 9.0)
            if duration is None:
                assert shown["budget_reset_at"] is None
            else:
                same_now(shown["budget_reset_at"], duration, began)


# Members inherit: D37


def memberships(ledger: Ledger, team_id: str) -> dict[str, Any]:
    found = ledger.shown("/team/info", team_id=team_id)["team_memberships"]
    return {each["user_id"]: each["litellm_budget_table"] for each in found}


def test_member_budgets_last_as_long_as_the_teams(ledger: Ledger) -> None:
    team: dict[str, Any] = {"team_id": "inherits"}
    ledger.done("/team/new", {**team, "budget_duration": "7d", "team_member_budget": 2})
    own = {"member": {"user_id": "own", "role": "user"}, "max_budget_in_team": 3}
    ledger.done("/team/member_add", {**team, **own})
    shared = [{"user_id": user, "role": "user"} for user in ("shared", "raised")]
    ledger.done("/team/member_add", {**team, "member": shared})
    ledger.done("/team/member_update", {**team, "user_id": "raised", "max_budget_in_team": 4})
    joining = {"team_id": "inherits", "max_budget_in_team": 5}
    ledger.user("new", teams=[joining])
    found = memberships(ledger, "inherits")
    assert {user: each["max_budget"] for user, each in found.items()} == {
        "default_user_id": 2.0,
        "own": 3.0,
        "shared": 2.0,
        "raised": 4.0,
        "new": 5.0,
    }
    assert {each["budget_duration"] for each in found.values()} == {"7d"}
    assert info(ledger, "inherits")["team_member_budget_table"]["budget_duration"] == "7d"


def test_defaults_that_come_later_inherit_too_and_may_say_otherwise(ledger: Ledger) -> None:
    team = {"team_id": "later"}
    ledger.done("/team/new", {**team, "budget_duration": "1mo"})
    ledger.done("/team/update", {**team, "team_member_rpm_limit": 2})
    assert info(ledger, "later")["team_member_budget_table"]["budget_duration"] == "1mo"
    ledger.done("/team/update", {**team, "team_member_budget_duration": "1d"})
    assert info(ledger, "later")["team_member_budget_table"]["budget_duration"] == "1d"
    ledger.done("/team/update", {**team, "team_member_budget": 6})
    table = info(ledger, "later")["team_member_budget_table"]
    assert (table["budget_duration"], table["max_budget"], table["rpm_limit"]) == ("1d", 6.0, 2)


def test_a_member_duration_of_its_own_is_taken_from_the_start(ledger: Ledger) -> None:
    sent = {"team_id": "own-pace", "budget_duration": "30d", "team_member_budget": 1}
    ledger.done("/team/new", {**sent, "team_member_budget_duration": "1d"})
    assert memberships(ledger, "own-pace")["default_user_id"]["budget_duration"] == "1d"
