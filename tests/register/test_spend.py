"""Spend and its windows: D36 to D38, D41, D43."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.ledger import Ledger


@pytest.fixture(scope="module")
def gateway(ledger: Ledger) -> Gateway:
    return Gateway(ledger)


def member(team_id: str, user_id: str, **fields: object) -> dict[str, Any]:
    return {"team_id": team_id, "member": {"user_id": user_id, "role": "user"}, **fields}


def joined(ledger: Ledger, team_id: str, user_id: str, **fields: object) -> str:
    """A member of a team, and a key to spend with."""
    ledger.user(user_id)
    ledger.done("/team/member_add", member(team_id, user_id, **fields))
    return ledger.key(user_id=user_id, team_id=team_id)


def memberships(ledger: Ledger, team_id: str, *user_ids: str) -> list[dict[str, Any]]:
    found = ledger.shown("/team/info", team_id=team_id)["team_memberships"]
    return [each for each in found if not user_ids or each["user_id"] in user_ids]


def members_spend(ledger: Ledger, team_id: str) -> dict[str, float]:
    return {each["user_id"]: each["spend"] for each in memberships(ledger, team_id)}


def team_spend(ledger: Ledger, team_id: str) -> float:
    return float(ledger.shown("/team/info", team_id=team_id)["team_info"]["spend"])


def windows(ledger: Ledger, path: str, **query: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ledger.shown(f"/v1/{path}/windows", **query)["windows"]
    return found


def later_than(ledger: Ledger, moment: str) -> None:
    """Return once the service says so of itself."""
    while datetime.now(UTC) <= datetime.fromisoformat(moment):
        ledger.get("/health/liveliness")


@pytest.mark.parametrize(
    ("duration", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("30h", timedelta(hours=30)),
        ("48h", timedelta(hours=48)),
        ("1w", timedelta(days=7)),
    ],
)
def test_d36_windows_are_as_long_as_they_say(
    ledger: Ledger, duration: str, length: timedelta
) -> None:
    team_id = f"d36-{duration}"
    ledger.done("/team/new", {"team_id": team_id, "budget_duration": duration})
    [window] = windows(ledger, f"teams/{team_id}")
    start, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
    assert end - start == length


def test_d37_what_members_spend_is_reset_with_the_team(ledger: Ledger, gateway: Gateway) -> None:
    """Or when what they have of their own says. In LiteLLM a budget of their own is never reset."""
    sent = {"team_id": "d37-spend", "budget_duration": "1s", "team_member_budget": 5}
    ledger.done("/team/new", sent)
    plain = joined(ledger, "d37-spend", "d37-plain")
    capped = joined(ledger, "d37-spend", "d37-capped", max_budget_in_team=3)
    own = joined(ledger, "d37-spend", "d37-longer", max_budget_in_team=3)
    [limits] = [m["budget_id"] for m in memberships(ledger, "d37-spend", "d37-longer")]
    ledger.done("/budget/update", {"budget_id": limits, "budget_duration": "30d"})
    at = datetime.now(UTC)
    for key in (plain, capped, own):
        gateway.spends(key, 1, at)
    for user_id in ("d37-plain", "d37-capped"):
        mine = windows(ledger, f"teams/d37-spend/members/{user_id}", limit=100)
        teams = {each["start"]: each for each in windows(ledger, "teams/d37-spend", limit=100)}
        [held] = [each for each in mine if each["spend"]]
        assert datetime.fromisoformat(held["start"]) <= at < datetime.fromisoformat(held["end"])
        assert (teams[held["start"]]["end"], teams[held["start"]]["spend"]) == (held["end"], 3.0)
    later_than(ledger, held["end"])
    assert members_spend(ledger, "d37-spend") == {
        "default_user_id": 0.0,
        "d37-plain": 0.0,
        "d37-capped": 0.0,
        "d37-longer": 1.0,
    }


def test_d38_no_update_resets_spend(ledger: Ledger, gateway: Gateway) -> None:
    ledger.done("/team/new", {"team_id": "d38-spend", "budget_duration": "30d"})
    key = joined(ledger, "d38-spend", "d38-spend", max_budget_in_team=9)
    gateway.spends(key, 2)
    team = {"team_id": "d38-spend"}
    began = windows(ledger, "teams/d38-spend")[0]["start"]
    for duration in ("30d", "1d", "30d", "90m", None, "1mo"):
        for path, body in (
            ("/team/update", team),
            ("/key/update", {"key": key}),
            ("/user/update", {"user_id": "d38-spend"}),
            ("/team/member_update", {**team, "user_id": "d38-spend", "max_budget_in_team": 8}),
        ):
            ledger.done(path, {**body, "budget_duration": duration})
        assert team_spend(ledger, "d38-spend") == 2.0
        assert members_spend(ledger, "d38-spend")["d38-spend"] == 2.0
        assert ledger.shown("/key/info", key=key)["info"]["spend"] == 2.0
        assert ledger.shown("/user/info", user_id="d38-spend")["user_info"]["spend"] == 2.0
        assert windows(ledger, "teams/d38-spend")[0]["start"] == began


def test_d41_a_reset_and_changes_beside_it_lose_nothing(ledger: Ledger, gateway: Gateway) -> None:
    ledger.done("/team/new", {"team_id": "d41", "models": ["m"]})
    key = joined(ledger, "d41", "d41-ann")
    gateway.spends(key, 8)
    path = "/v1/teams/d41/members/d41-ann/reset_spend"
    changes: list[tuple[str, dict[str, Any]]] = [
        (path, {"reset_to": 1}),
        (f"/key/{key}/reset_spend", {"reset_to": 2}),
        *(("/team/update", {"team_id": "d41", f"{each}_limit": 7}) for each in ("tpm", "rpm")),
        *(("/key/update", {"key": key, f"{each}_limit": 7}) for each in ("tpm", "rpm")),
        *(("/team/model/add", {"team_id": "d41", "models": [f"m{n}"]}) for n in range(8)),
        *(("/team/member_add", member("d41", f"d41-{n}")) for n in range(8)),
    ]
    costs = [0.5] * 8
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(gateway.spends, key, cost) for cost in costs]
        done = [pool.submit(ledger.done, *change) for change in changes]
        assert all(each.result() for each in done)
        for each in calls:
            each.result()
    info = ledger.shown("/team/info", team_id="d41")
    team, [shown] = info["team_info"], info["keys"]
    assert (team["tpm_limit"], team["rpm_limit"]) == (7, 7)
    assert (shown["tpm_limit"], shown["rpm_limit"]) == (7, 7)
    assert set(team["models"]) == {"m", *(f"m{n}" for n in range(8))}
    roster = {each["user_id"] for each in team["members_with_roles"]}
    assert roster == {"default_user_id", "d41-ann", *(f"d41-{n}" for n in range(8))}
    assert team["spend"] == 8 + sum(costs)


def test_d41_spend_goes_on_from_the_reset_whatever_is_booked_beside_it(
    ledger: Ledger, gateway: Gateway
) -> None:
    key = ledger.key()
    gateway.spends(key, 8)
    began = datetime.now(UTC)
    starts = [began + timedelta(milliseconds=5 * n) for n in range(100)]
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(gateway.spends, key, 0.5, at) for at in starts]
        done = ledger.done(f"/key/{key}/reset_spend", {"reset_to": 2})
        for each in calls:
            each.result()
    [window] = windows(ledger, f"keys/{key}")
    at = datetime.fromisoformat(window["reset"]["at"])
    after = [start for start in starts if start >= at]
    assert done["spend"] == window["reset"]["amount"] == 2.0
    assert window["spend"] == 2 + 0.5 * len(after)
    assert ledger.shown("/key/info", key=key)["info"]["spend"] == window["spend"]


def test_d43_what_members_spend_counts_budget_or_not(ledger: Ledger, gateway: Gateway) -> None:
    ledger.done("/team/new", {"team_id": "d43-spend"})
    spent = {"d43-plain": 0.25, "d43-capped": 0.5, "d43-idle": 0.0}
    for user_id, cost in spent.items():
        limits = {"max_budget_in_team": 1} if user_id == "d43-capped" else {}
        key = joined(ledger, "d43-spend", user_id, **limits)
        if cost:
            gateway.spends(key, cost)
    assert members_spend(ledger, "d43-spend") == {"default_user_id": 0.0, **spent}
    assert team_spend(ledger, "d43-spend") == 0.75
    [listed] = ledger.shown("/v2/team/list", team_id="d43-spend")["teams"]
    assert listed["spend"] == 0.75
    mine = ledger.shown("/user/info", user_id="d43-plain")
    assert (mine["user_info"]["spend"], mine["teams"][0]["spend"]) == (0.25, 0.75)
