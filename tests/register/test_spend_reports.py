"""What was spent, and who is shown it: D19, D39, D40, D53, D54, S18."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.access.credentials import hash_key
from services.command.domain.usage import Attribution, Life
from tests.support.ledger import Ledger
from tests.support.refused import assert_refused
from tests.support.statements import Statements
from tests.support.usage import booked, rows, used

PATH = "/team/daily/activity"
NOW = datetime.now(UTC)
RANGE = {
    "start_date": (NOW - timedelta(days=40)).date().isoformat(),
    "end_date": (NOW + timedelta(days=1)).date().isoformat(),
}
USAGE = ("usage.series_days", "read.teams_1", "read.keys_1")
"""What statements of a report contain; those of who sums by day or watches budgets do not."""


def team(ledger: Ledger, team_id: str, *user_ids: str, **fields: object) -> None:
    """A team; the first of its users is admin."""
    members = [
        {"user_id": user_id, "role": "user" if number else "admin"}
        for number, user_id in enumerate(user_ids)
    ]
    ledger.done("/team/new", {"team_id": team_id, "members_with_roles": members, **fields})


def of(team_id: str, user_id: str | None = None, secret: str | None = None) -> Attribution:
    """Who pays, all in their first life."""
    return Attribution(
        team=Life(team_id, 1),
        user=Life(user_id, 1) if user_id else None,
        key=Life(hash_key(secret), 1) if secret else None,
    )


def spend(ledger: Ledger, number: int, cost: str, by: Attribution, **told: object) -> None:
    key = by.key.id if by.key else None
    call: Any = {"at": NOW, **told}
    booked(ledger.database_url, used(number, cost, key=key, **call), by=by)


def spent(ledger: Ledger, key: str, **query: str) -> dict[str, float]:
    """By team, as somebody is shown it."""
    found: dict[str, float] = {}
    for day in ledger.shown(PATH, key, **RANGE, **query)["results"]:
        for name, entity in day["breakdown"]["entities"].items():
            found[name] = found.get(name, 0) + entity["metrics"]["spend"]
    return found


def test_d19_what_one_team_allows_says_nothing_of_another(ledger: Ledger) -> None:
    ann = ledger.user("d19-ann")
    ledger.user("d19-bob")
    team(ledger, "d19-led", "d19-ann", "d19-bob")
    team(ledger, "d19-plain", "d19-bob", "d19-ann")
    for number, (name, who, cost) in enumerate(
        (
            ("d19-led", "d19-ann", "1"),
            ("d19-led", "d19-bob", "2"),
            ("d19-plain", "d19-ann", "4"),
            ("d19-plain", "d19-bob", "8"),
        )
    ):
        secret = ledger.key(team_id=name, user_id=who)
        spend(ledger, 1900 + number, cost, of(name, who, secret))
    bobs = hash_key(secret)
    assert spent(ledger, ann) == {"d19-led": 3.0, "d19-plain": 4.0}
    assert spent(ledger, ann, api_key=bobs) == {}
    assert spent(ledger, ann, api_key=bobs, team_ids="d19-plain") == {}
    ledger.done(
        "/team/permissions_update",
        {"team_id": "d19-plain", "team_member_permissions": [PATH]},
    )
    assert spent(ledger, ann, api_key=bobs) == {"d19-plain": 8.0}


@pytest.mark.parametrize(
    "wrong",
    [
        *({"start_date": "2026-02-30"}, {"start_date": "yesterday"}, {"end_date": "2020-01-01"}),
        *({"page_size": "0"}, {"page_size": "1001"}, {"page": "0"}, {"timezone": "Mars"}),
    ],
)
def test_d39_wrong_dates_and_pages_are_refused(ledger: Ledger, wrong: dict[str, str]) -> None:
    [(name, _)] = wrong.items()
    assert_refused(ledger.get(PATH, **{**RANGE, **wrong}), 422, "C", f"query.{name}: ")


def test_d39_a_model_is_a_filter_whatever_the_key_may_use(ledger: Ledger) -> None:
    ledger.user("d39")
    team(ledger, "d39", "d39")
    spend(ledger, 3900, "1", of("d39"), model="o3")
    spend(ledger, 3901, "2", of("d39"), model="gpt-4o")
    narrow = ledger.key(user_id="d39", models=["gpt-4o"])
    assert spent(ledger, narrow, model="o3") == {"d39": 1.0}


def test_d40_a_page_is_of_whole_days_and_totals_are_of_the_range(ledger: Ledger) -> None:
    team(ledger, "d40", "d40")
    for number in range(12):
        at = NOW - timedelta(days=number // 3)
        spend(ledger, 4000 + number, str(2**number), of("d40"), at=at, model=f"m{number}")
    query: dict[str, Any] = {**RANGE, "team_ids": "d40", "page_size": 1}
    pages = [ledger.shown(PATH, **query, page=number) for number in range(1, 6)]
    days = [[day["metrics"]["spend"] for day in page["results"]] for page in pages]
    assert days == [[7.0], [56.0], [448.0], [3584.0], []]
    meta = [page["metadata"] for page in pages]
    assert {(of["total_spend"], of["total_api_requests"], of["total_pages"]) for of in meta} == {
        (4095.0, 12, 4)
    }
    assert [of["has_more"] for of in meta] == [True, True, True, False, False]


def test_d53_activity_of_many_teams_takes_as_many_statements_as_of_one(
    ledger: Ledger, statements: Statements
) -> None:
    names = [f"d53-spent-{number}" for number in range(12)]
    for number, name in enumerate(names):
        team(ledger, name, team_alias=f"alias of {name}")
        spend(ledger, 5300 + number, "1", of(name))

    def sent(*of: str) -> list[str]:
        ledger.shown(PATH, **RANGE, team_ids=",".join(of))
        with statements.sent(*USAGE) as found:
            [day] = ledger.shown(PATH, **RANGE, team_ids=",".join(of))["results"]
        assert day["breakdown"]["entities"].keys() == set(of)
        return found

    one, many = sent(names[0]), sent(*names)
    assert len(one) == len(many) > 0
    whole = [
        step
        for each in many
        for step in statements.plan(each)
        if step.table == "teams_1" and step.condition is None
    ]
    assert whole == []


def test_d54_what_a_team_spent_is_found_by_indexes(ledger: Ledger, statements: Statements) -> None:
    team(ledger, "d54-spent")
    spend(ledger, 5400, "1", of("d54-spent"))
    rows(ledger.database_url, "SELECT usage.sum_days(1, 1000000)")
    with statements.sent("usage.series_days") as sent:
        for zone in ("UTC", "America/New_York"):
            ledger.shown(PATH, **RANGE, team_ids="d54-spent", timezone=zone)
    steps = [step for each in sent if "sum(" in each for step in statements.plan(each)]
    assert {step.columns for step in steps} >= {
        ("kind", "id", "incarnation", "member"),
        ("account", "series"),
        ("series", "day"),
        ("series", "quarter"),
    }
    large = {"series", "booked_on", "series_days", "quarters", "records"}
    assert [step for step in steps if step.table in large and step.condition is None] == []


def test_s18_two_teams_of_one_alias_are_two(ledger: Ledger) -> None:
    for number, name in enumerate(("s18-a", "s18-b")):
        team(ledger, name, team_alias="S18")
        spend(ledger, 1800 + number, str(10 ** (5 + number)), of(name))
    report = ledger.shown("/global/spend/teams")
    totals = {each["team_id"]: each["total_spend"] for each in report["total_spend_per_team"]}
    assert {name: of for name, of in totals.items() if name.startswith("S18")} == {
        "S18 (s18-b)": 1_000_000.0,
        "S18 (s18-a)": 100_000.0,
    }
    [day] = [day for day in report["daily_spend"] if "S18 (s18-a)" in day]
    assert day["S18 (s18-b)"] == 1_000_000.0
    query = {"start_date": RANGE["start_date"], "end_date": RANGE["end_date"]}
    [found] = [
        {of["team_name"]: of["total_spend"] for of in each["teams"]}
        for each in ledger.shown("/global/spend/report", **query)
        if each["group_by_day"][:10] == day["date"]
    ]
    assert (found["S18 (s18-a)"], found["S18 (s18-b)"]) == (100_000.0, 1_000_000.0)
