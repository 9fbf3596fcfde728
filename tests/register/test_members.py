"""Members and the users behind them: D13 to D15, D25, D27 to D29, D43."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.ledger import Ledger
from tests.support.refused import assert_refused

BUDGET = ("max_budget", "tpm_limit", "rpm_limit", "budget_duration")


def new_team(ledger: Ledger, team_id: str, *user_ids: str, **fields: object) -> dict[str, Any]:
    """A team with these plain members; its id as a body to go on with."""
    members = [{"user_id": user_id, "role": "user"} for user_id in user_ids]
    ledger.done("/team/new", {"team_id": team_id, "members_with_roles": members, **fields})
    return {"team_id": team_id}


def roster(ledger: Ledger, team_id: str) -> dict[str, Any]:
    info = ledger.shown("/team/info", team_id=team_id)["team_info"]
    found = {member["user_id"]: member for member in info["members_with_roles"]}
    assert len(found) == len(info["members_with_roles"])
    return found


def budgets(ledger: Ledger, team_id: str) -> dict[str, Any]:
    found = ledger.shown("/team/info", team_id=team_id)["team_memberships"]
    return {each["user_id"]: each["litellm_budget_table"] for each in found}


def teams_of(ledger: Ledger, user_id: str) -> list[str]:
    return [team["team_id"] for team in ledger.shown("/v2/team/list", user_id=user_id)["teams"]]


def test_d13_a_role_change_keeps_the_members_budget(ledger: Ledger) -> None:
    team = new_team(ledger, "d13")
    member = {"member": {"user_id": "d13-ann", "role": "user"}, "max_budget_in_team": 7}
    ledger.done("/team/member_add", {**team, **member})
    before = budgets(ledger, "d13")["d13-ann"]
    ledger.done("/team/member_update", {**team, "user_id": "d13-ann", "role": "admin"})
    assert roster(ledger, "d13")["d13-ann"]["role"] == "admin"
    assert budgets(ledger, "d13")["d13-ann"] == before
    assert before["max_budget"] == 7.0
    cleared = {**team, "user_id": "d13-ann", "max_budget_in_team": None}
    ledger.done("/team/member_update", cleared)
    assert budgets(ledger, "d13")["d13-ann"] is None


def test_d14_one_limit_changes_and_the_others_stay(ledger: Ledger) -> None:
    lasting = {"budget_duration": "30d", "team_member_budget": 5, "team_member_rpm_limit": 9}
    team = new_team(ledger, "d14", "d14-ann", "d14-bob", **lasting)
    ann = {**team, "user_id": "d14-ann"}
    ledger.done("/team/member_update", {**ann, "tpm_limit": 100})
    first = budgets(ledger, "d14")
    ledger.done("/team/member_update", {**ann, "max_budget_in_team": 6})
    second = budgets(ledger, "d14")
    assert [first["d14-ann"][name] for name in BUDGET] == [5.0, 100, 9, "30d"]
    assert [second["d14-ann"][name] for name in BUDGET] == [6.0, 100, 9, "30d"]
    assert second["d14-ann"]["budget_id"] == first["d14-ann"]["budget_id"]
    assert second["d14-ann"]["budget_id"] != second["d14-bob"]["budget_id"]
    assert [second["d14-bob"][name] for name in BUDGET] == [5.0, None, 9, "30d"]


def test_d15_who_is_not_in_the_team_gets_no_membership_and_no_address_changes(
    ledger: Ledger,
) -> None:
    team = new_team(ledger, "d15", "d15-in")
    ledger.user("d15-out")
    with ledger.nothing_stored():
        refused = ledger.post("/team/member_update", {**team, "user_id": "d15-out", "role": "user"})
        assert_refused(refused, 400, "A", "User id doesn't exist in team table. Data=d15-out")
        sent = {**team, "user_id": "d15-in", "user_email": "other@d15.example.com"}
        ledger.done("/team/member_update", sent)
    assert roster(ledger, "d15")["d15-in"]["user_email"] is None
    assert set(budgets(ledger, "d15")) == {"d15-in", "default_user_id"}


def test_d25_changes_at_the_same_time_are_all_there(ledger: Ledger) -> None:
    team = new_team(ledger, "d25", *(f"d25-old-{n}" for n in range(8)), metadata={})

    def change(number: int) -> None:
        user_id = f"d25-new-{number}"
        ledger.done("/team/member_add", {**team, "member": {"user_id": user_id, "role": "user"}})
        old = {**team, "user_id": f"d25-old-{number}"}
        if number % 2:
            ledger.done("/team/member_update", {**old, "role": "admin"})
        else:
            ledger.done("/team/member_delete", old)
        ledger.done("/team/update", {**team, "model_rpm_limit": {"m": number}})
        ledger.done("/team/block" if number % 2 else "/team/unblock", team)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(8)))
    found = roster(ledger, "d25")
    assert {user for user in found if "new" in user} == {f"d25-new-{n}" for n in range(8)}
    assert {u: m["role"] for u, m in found.items() if "old" in u} == {
        f"d25-old-{n}": "admin" for n in range(1, 8, 2)
    }


def test_d27_a_member_counts_once_however_he_is_named(ledger: Ledger) -> None:
    ledger.user("d27", user_email="d27@example.com")
    team = new_team(ledger, "d27", "d27")
    both = {"user_id": "d27", "user_email": "D27@example.com", "role": "user"}
    by_email, by_id = ({**both, name: None} for name in ("user_id", "user_email"))
    with ledger.nothing_stored():
        for member in (both, by_email, by_id):
            refused = ledger.post("/team/member_add", {**team, "member": member})
            assert_refused(refused, 400, "B", "User already in team. Member: ")
            listed = ledger.post("/team/member_add", {**team, "member": [member]})
            assert_refused(listed, 400, "B", "All users are already in team. ")
    fresh = {"user_id": "d27-new", "role": "user"}
    added = ledger.done("/team/member_add", {**team, "member": [both, fresh, fresh]})
    assert added["already_member"] == ["d27"]
    assert [user["user_id"] for user in added["updated_users"]] == ["d27-new"]
    assert set(roster(ledger, "d27")) == {"d27", "d27-new", "default_user_id"}
    assert teams_of(ledger, "d27") == ["d27"]
    ledger.done("/team/member_delete", {**team, "user_id": "d27"})
    assert teams_of(ledger, "d27") == []


def test_d28_an_address_is_kept_and_found_in_any_case(ledger: Ledger) -> None:
    first = {"user_id": "d28", "user_email": "D28@Example.com", "role": "user"}
    ledger.done("/team/new", {"team_id": "d28", "members_with_roles": [first]})
    assert roster(ledger, "d28")["d28"]["user_email"] == "D28@Example.com"
    other = {"user_email": "d28@example.COM", "role": "user"}
    ledger.done("/team/new", {"team_id": "d28-new", "members_with_roles": [other]})
    ledger.done("/team/new", {"team_id": "d28-add"})
    ledger.done("/team/member_add", {"team_id": "d28-add", "member": other})
    for team_id in ("d28-new", "d28-add"):
        assert set(roster(ledger, team_id)) == {"d28", "default_user_id"}
    taken = ledger.post("/user/new", {"user_email": "d28@EXAMPLE.com"})
    assert_refused(taken, 409, "B", "User with email d28@EXAMPLE.com already exists")
    gone = {"team_id": "d28-add", "user_email": "D28@EXAMPLE.COM"}
    ledger.done("/team/member_delete", gone)
    assert set(roster(ledger, "d28-add")) == {"default_user_id"}


def test_d29_removing_by_address_removes_the_user_and_his_keys(ledger: Ledger) -> None:
    member = {"user_id": "d29", "user_email": "d29@example.com", "role": "user"}
    for team_id in ("d29", "d29-gone"):
        ledger.done("/team/new", {"team_id": team_id, "members_with_roles": [member]})
    same = {"team_id": "d29-gone", "member": {**member, "user_id": None, "role": "admin"}}
    assert ledger.post("/team/member_add", same).status_code == 400
    key = ledger.key(team_id="d29", user_id="d29")
    ledger.done("/team/member_delete", {"team_id": "d29", "user_email": "d29@example.com"})
    assert "d29" not in roster(ledger, "d29")
    assert ledger.get("/key/info", key).status_code == 401
    assert teams_of(ledger, "d29") == ["d29-gone"]
    ledger.done("/team/delete", {"team_ids": ["d29-gone"]})
    assert teams_of(ledger, "d29") == []


def test_d43_every_member_has_a_membership(ledger: Ledger) -> None:
    team = new_team(ledger, "d43", "d43-ann")
    ledger.done("/team/member_add", {**team, "member": {"user_id": "d43-bob", "role": "user"}})
    found = budgets(ledger, "d43")
    assert found == dict.fromkeys(("d43-ann", "default_user_id", "d43-bob"))
