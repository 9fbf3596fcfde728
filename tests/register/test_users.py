"""Users as a whole: S01, S03, S10, S11, S14, A01 and A12 of the register."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.auditor import token
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY, Start

NO_ADMIN = "User not proxy admin OR team admin. route=/team/member_add, team_id="
HIMSELF_ONLY = "Only PROXY_ADMIN can update other users."


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service of this module's own: some tests are about all users there are."""
    with running_ledger(postgres_server, start) as running:
        yield running


def update(ledger: Ledger, user_id: str, key: str = MASTER_KEY, /, **fields: object) -> Any:  # noqa: ANN401
    """The user row that an update which has to be accepted is answered with."""
    answered = ledger.done("/user/update", {"user_id": user_id, **fields}, key)
    assert (list(answered), answered["user_id"]) == (["user_id", "data"], user_id)
    return answered["data"]


def info(ledger: Ledger, user_id: str) -> Any:  # noqa: ANN401
    return ledger.shown("/user/info", user_id=user_id)["user_info"]


def team(ledger: Ledger, team_id: str, *user_ids: str) -> None:
    members = [{"user_id": user_id, "role": "admin"} for user_id in user_ids]
    ledger.done("/team/new", {"team_id": team_id, "members_with_roles": members})


def members(ledger: Ledger, team_id: str) -> list[str]:
    roster = ledger.shown("/team/info", team_id=team_id)["team_info"]["members_with_roles"]
    return [member["user_id"] for member in roster]


def test_s01_no_answer_holds_a_password(ledger: Ledger) -> None:
    ledger.user("s01")
    for row in (update(ledger, "s01", password="secret"), info(ledger, "s01")):
        assert row["password"] is None
    listed = ledger.get("/user/list", user_ids="s01")
    assert "secret" not in listed.text
    assert "password" not in listed.json()["users"][0]


def test_an_update_says_what_the_user_is_now(ledger: Ledger) -> None:
    ledger.user("whole", "internal_user", user_email="Whole@Example.com")
    fields: dict[str, Any] = {
        "user_alias": "Whole",
        "user_role": "internal_user_viewer",
        "user_email": "new@example.com",
        "max_budget": 12.5,
        "budget_duration": "30d",
        "tpm_limit": 1000,
        "rpm_limit": 10,
        "max_parallel_requests": 3,
        "models": ["gpt-4o"],
        "metadata": {"cost_center": "42"},
        "model_max_budget": {"gpt-4o": {"max_budget": 1}},
        "sso_user_id": "sso",
    }
    row = update(ledger, "whole", **fields)
    assert {name: row[name] for name in fields} == fields
    assert row == info(ledger, "whole")
    kept = dict.fromkeys(("user_alias", "user_role", "user_email", "models", "metadata"))
    nothing: dict[str, Any] = {**kept, "models": [], "metadata": {}, "model_max_budget": {}}
    with ledger.nothing_stored():
        assert update(ledger, "whole", **kept) == row
        assert update(ledger, "whole", **nothing) == row
    lifted = dict.fromkeys(
        ("max_budget", "budget_duration", "tpm_limit", "rpm_limit", "max_parallel_requests")
    )
    row = update(ledger, "whole", **lifted)
    assert {name: row[name] for name in lifted} == lifted
    assert row["budget_reset_at"] is None
    assert update(ledger, "whole", metadata={"own": 1})["metadata"] == {"own": 1}


def test_an_address_moves_with_its_user(ledger: Ledger) -> None:
    for name in ("mover", "taker"):
        ledger.user(name, user_email=f"{name}@example.com")
    with ledger.nothing_stored():
        taken = ledger.post("/user/update", {"user_id": "mover", "user_email": "TAKER@example.com"})
        assert_refused(taken, 409, "B", "User with email TAKER@example.com already exists")
        update(ledger, "mover", user_email="Mover@Example.COM")
    assert update(ledger, "mover", user_email="moved@example.com")["user_email"] == (
        "moved@example.com"
    )
    by_address = {"user_email": "MOVED@example.com", "max_budget": 3}
    assert ledger.done("/user/update", by_address)["user_id"] == "mover"
    assert update(ledger, "taker", user_email="mover@example.com")["user_email"] == (
        "mover@example.com"
    )
    assert info(ledger, "mover")["max_budget"] == 3


def test_only_a_proxy_admin_makes_users_by_updating_them(ledger: Ledger) -> None:
    ann = ledger.user("maker")
    with ledger.nothing_stored():
        for named in ({"user_id": "unborn"}, {"user_email": "unborn@example.com"}):
            refused = ledger.post("/user/update", {**named, "user_alias": "x"}, ann)
            assert_refused(refused, 403, "B", HIMSELF_ONLY)
    assert update(ledger, "unborn", user_role="internal_user", max_budget=1)["max_budget"] == 1
    made = ledger.done("/user/update", {"user_email": "unborn@example.com"})
    assert made["data"]["user_email"] == "unborn@example.com"
    assert made["user_id"] == made["data"]["user_id"] != "unborn"


def test_teams_are_sent_back_and_not_changed(ledger: Ledger) -> None:
    ledger.user("sent-back")
    team(ledger, "sent-back", "sent-back")
    assert update(ledger, "sent-back", teams=["sent-back"])["teams"] == ["sent-back"]
    for others in ([], ["sent-back", "other"], [{"team_id": "other"}]):
        refused = ledger.post("/user/update", {"user_id": "sent-back", "teams": others})
        assert_refused(refused, 400, "B", "teams is not what the user is in")


@pytest.mark.parametrize(
    "fields",
    [
        {"user_role": "proxy_admin"},
        {"max_budget": 1000},
        {"max_budget": None},
        {"budget_duration": "1d"},
        {"tpm_limit": None},
        {"max_parallel_requests": 9},
        {"models": ["o3"]},
        {"user_email": "other@example.com"},
        {"metadata": {"guardrails": []}},
        {"guardrails": ["none"]},
        {"permissions": {"get_spend_routes": True}},
        {"user_alias": "fine", "user_role": "proxy_admin_viewer"},
    ],
)
def test_s03_nobody_changes_what_limits_himself(ledger: Ledger, fields: dict[str, Any]) -> None:
    user_id = "s03"
    if ledger.get("/user/info", user_id=user_id).status_code == 404:
        limits = {"max_budget": 5, "tpm_limit": 10, "models": ["gpt-4o"]}
        ledger.user(user_id, "internal_user", guardrails=["pii"], **limits)
    own = ledger.key(user_id=user_id)
    with ledger.nothing_stored():
        refused = ledger.post("/user/update", {"user_id": user_id, **fields}, own)
        assert_refused(refused, 403, "B", "Only PROXY_ADMIN can change ")


def test_a01_of_himself_a_user_changes_alias_and_metadata(ledger: Ledger) -> None:
    own = ledger.user("a01", "internal_user", guardrails=["pii"], max_budget=5)
    row = update(ledger, "a01", own, user_alias="Ann", metadata={"team": "x"}, max_budget=5)
    assert (row["user_alias"], row["max_budget"]) == ("Ann", 5)
    assert row["metadata"] == {"team": "x", "guardrails": ["pii"]}


def test_a01_nobody_changes_others_whatever_the_request_claims(ledger: Ledger) -> None:
    own = ledger.user("a01-ann", "internal_user")
    reader = ledger.user("a01-reader", "internal_user_viewer")
    ledger.user("a01-bob", user_email="a01-bob@example.com")
    with ledger.nothing_stored():
        for named in (
            {"user_id": "a01-bob"},
            {"user_id": "nobody"},
            {"user_email": "a01-bob@example.com"},
            {"user_id": "a01-bob", "organization_id": "acme", "organizations": ["acme"]},
        ):
            refused = ledger.post("/user/update", {**named, "user_alias": "x"}, own)
            assert_refused(refused, 403, "B", HIMSELF_ONLY)
        for path in ("/user/delete", "/user/bulk_update"):
            refused = ledger.post(path, {"user_ids": ["a01-bob"], "organization_id": "acme"}, own)
            assert_refused(refused, 401, "B", "Only proxy admin can be used")
        of_reader = ledger.post("/user/update", {"user_id": "a01-reader"}, reader)
        assert_refused(of_reader, 401, "B", "Only proxy admin can be used")


def test_s10_a_new_user_is_in_his_teams_with_his_budget_or_is_not_there(ledger: Ledger) -> None:
    team(ledger, "s10")
    with ledger.nothing_stored():
        body = {"user_id": "s10", "teams": ["s10", "no-such-team"]}
        assert_refused(ledger.post("/user/new", body), 404, "B", "passed team_id=no-such-team")
        body = {"user_id": "s10", "organizations": ["no-such-org"]}
        assert_refused(ledger.post("/user/new", body), 404, "B", "organization_id=no-such-org")
    teams = [{"team_id": "s10", "max_budget_in_team": 7, "user_role": "admin"}]
    ledger.user("s10", teams=teams)
    shown = ledger.shown("/team/info", team_id="s10")
    [membership] = [m for m in shown["team_memberships"] if m["user_id"] == "s10"]
    assert membership["litellm_budget_table"]["max_budget"] == 7
    assert info(ledger, "s10")["teams"] == ["s10"]


def organization(ledger: Ledger, organization_id: str, **roles: str) -> None:
    """An organization of these users, each with his role there."""
    body = {"organization_id": organization_id, "organization_alias": organization_id}
    ledger.done("/organization/new", body)
    members = [{"user_id": user_id, "role": role} for user_id, role in roles.items()]
    if members:
        joining = {"organization_id": organization_id, "member": members}
        ledger.done("/organization/member_add", joining)


def roles_in(ledger: Ledger, organization_id: str) -> dict[str, str]:
    shown = ledger.shown("/organization/info", organization_id=organization_id)["members"]
    return {member["user_id"]: member["user_role"] for member in shown}


def test_s10_a_new_user_is_in_all_his_organizations_or_is_not_there(ledger: Ledger) -> None:
    for name in ("s10-a", "s10-b"):
        organization(ledger, name)
    body = {"user_id": "s10-org", "organizations": ["s10-a", "s10-b", "s10-a"]}
    with ledger.nothing_stored():
        unknown = {**body, "organizations": ["s10-a", "unknown"]}
        refused = ledger.post("/user/new", unknown)
        assert_refused(refused, 404, "B", "Organization not found, passed organization_id=unknown")
    ledger.done("/user/new", body)
    for name in ("s10-a", "s10-b"):
        assert roles_in(ledger, name) == {"s10-org": "internal_user"}
    ledger.user("s10-single", organization_id="s10-a")
    assert set(roles_in(ledger, "s10-a")) == {"s10-org", "s10-single"}
    entries = ledger.shown("/audit", object_id="s10-b")["audit_logs"]
    assert [entry["action"] for entry in entries] == ["updated", "created"]


def test_a01_an_org_admin_makes_users_of_his_organizations(ledger: Ledger) -> None:
    lea = ledger.user("a01-lea")
    organization(ledger, "a01", **{"a01-lea": "org_admin"})
    organization(ledger, "a01-other", **{"a01-lea": "internal_user"})
    ledger.done("/team/new", {"team_id": "a01-team", "organization_id": "a01"})
    team(ledger, "a01-foreign")
    new = {"user_id": "a01-new", "organizations": ["a01"], "teams": ["a01-team"]}
    with ledger.nothing_stored():
        for organizations in ([], ["a01-other"], ["unknown"], ["a01", "a01-other"]):
            refused = ledger.post("/user/new", {**new, "organizations": organizations}, lea)
            assert_refused(refused, 401, "B", "Only proxy admin can be used to generate")
        above = ledger.post("/user/new", {**new, "user_role": "proxy_admin"}, lea)
        assert_refused(above, 403, "B", "Only proxy admins can create administrative users")
        for team_id in ("a01-foreign", "unknown"):
            foreign = ledger.post("/user/new", {**new, "teams": [team_id]}, lea)
            assert_refused(foreign, 403, "B", f"Call not allowed. {NO_ADMIN}{team_id}")
    made = ledger.done("/user/new", new, lea)
    assert roles_in(ledger, "a01")["a01-new"] == "internal_user"
    assert "a01-new" in members(ledger, "a01-team")
    assert ledger.shown("/user/info", made["key"])["user_id"] == "a01-new"


def test_s04_an_org_admin_gives_no_key_that_can_do_more_than_his_own(ledger: Ledger) -> None:
    ledger.user("s04-lea")
    organization(ledger, "s04", **{"s04-lea": "org_admin"})
    narrow = ledger.key(user_id="s04-lea", allowed_routes=["/user/new"])
    new = {"user_id": "s04-new", "organizations": ["s04"]}
    with ledger.nothing_stored():
        refused = ledger.post("/user/new", new, narrow)
        assert_refused(refused, 403, "B", "Only proxy admin can allow a key more routes")
    ledger.done("/user/new", {**new, "auto_create_key": False}, narrow)


def test_s11_a_budget_with_a_duration_says_when_it_is_reset(ledger: Ledger) -> None:
    ledger.user("s11", max_budget=5, budget_duration="30d")
    before = info(ledger, "s11")["budget_reset_at"]
    assert before is not None
    assert update(ledger, "s11", max_budget=6, budget_duration="30d")["budget_reset_at"] == before
    daily = update(ledger, "s11", budget_duration="1d")["budget_reset_at"]
    assert daily == info(ledger, "s11")["budget_reset_at"] != before


def test_s14_nothing_is_deleted_unless_all_are_there(ledger: Ledger) -> None:
    own = ledger.user("s14-stays")
    team(ledger, "s14-stays", "s14-stays")
    with ledger.nothing_stored():
        refused = ledger.post("/user/delete", {"user_ids": ["s14-stays", "no-such-user"]})
        assert_refused(refused, 404, "A", "User not found, passed user_id=no-such-user")
    assert "s14-stays" in members(ledger, "s14-stays")
    assert ledger.get("/user/info", own).status_code == 200


def test_s14_a_deleted_user_leaves_nothing_behind(ledger: Ledger) -> None:
    for name in ("s14-ann", "s14-bob"):
        ledger.user(name, user_email=f"{name}@example.com")
    team(ledger, "s14", "s14-ann", "s14-bob")
    of_team = ledger.key(team_id="s14", user_id="s14-ann", key_alias="s14 of team")
    own = ledger.key(user_id="s14-ann", key_alias="s14 own")
    others = ledger.key(team_id="s14", user_id="s14-bob")
    answered = ledger.post("/user/delete", {"user_ids": ["s14-ann", "s14-ann"]})
    assert (answered.status_code, answered.text) == (200, "1")

    for secret in (of_team, own):
        assert_refused(ledger.get("/key/info", secret), 401, "B", "Invalid proxy server token")
        assert_refused(ledger.post("/key/generate", {}, secret), 401, "B", "Invalid proxy")
    assert ledger.get("/key/info", others).status_code == 200
    assert "s14-ann" not in members(ledger, "s14")
    keys = ledger.shown("/team/info", team_id="s14")["keys"]
    assert [key["token"] for key in keys] == [token(others)]
    unknown = ledger.get("/user/info", user_id="s14-ann")
    assert_refused(unknown, 404, "B", "User s14-ann not found")
    assert ledger.shown("/user/list", user_ids="s14-ann")["total"] == 0
    again = ledger.post("/user/delete", {"user_ids": ["s14-ann"]})
    assert_refused(again, 404, "A", "passed user_id=s14-ann")

    archived = ledger.shown("/key/list", status="deleted", user_id="s14-ann", size=100)
    assert set(archived["keys"]) >= {token(of_team), token(own)}
    tables = {
        entry["object_id"]: (entry["table_name"], entry["action"])
        for entry in reversed(ledger.shown("/audit", page_size=100)["audit_logs"])
    }
    assert tables["s14-ann"] == ("LiteLLM_UserTable", "deleted")
    assert tables["s14"] == ("LiteLLM_TeamTable", "updated")
    assert tables[token(own)] == ("LiteLLM_VerificationToken", "deleted")


def test_s14_an_id_that_is_used_again_is_somebody_else(ledger: Ledger) -> None:
    ledger.user("s14-again", user_email="again@example.com", teams=[])
    team(ledger, "s14-again", "s14-again")
    old = ledger.key(user_id="s14-again", key_alias="again")
    ledger.done("/user/delete", {"user_ids": ["s14-again"]})
    new = ledger.user("s14-again", user_email="again@example.com")
    assert ledger.get("/user/info", old).status_code == 401
    shown = ledger.shown("/user/info", new)
    assert (shown["user_info"]["teams"], shown["teams"]) == ([], [])
    assert [key["token"] for key in shown["keys"]] == [token(new)]
    seen = ledger.get("/team/info", new, team_id="s14-again")
    assert seen.status_code == 403
    member = {"user_id": "s14-again", "role": "user"}
    ledger.done("/team/member_add", {"team_id": "s14-again", "member": member})
    assert info(ledger, "s14-again")["teams"] == ["s14-again"]
    ledger.key(user_id="s14-again", key_alias="again")


def test_s14_a_user_of_many_teams_is_out_of_all_at_once(ledger: Ledger) -> None:
    """Of more than one append can hold: the facts follow, and are recorded once."""
    names = [f"s14-many-{number}" for number in range(150)]
    for name in names:
        ledger.done("/team/new", {"team_id": name})
    ledger.user("s14-many", teams=names)
    ledger.done("/user/delete", {"user_ids": ["s14-many"]})
    assert {tuple(members(ledger, name)) for name in names} == {("default_user_id",)}
    new = ledger.user("s14-many")
    assert info(ledger, "s14-many")["teams"] == []
    assert ledger.get("/team/info", new, team_id=names[-1]).status_code == 403
    member = {"member": {"user_id": "s14-many", "role": "user"}}
    added = ledger.done("/team/member_add", {"team_id": names[-1], **member})
    assert [m["user_id"] for m in added["members_with_roles"]] == ["default_user_id", "s14-many"]

    query = "SELECT count(*) FROM events.stored_events WHERE topic = 'team.member_removed' AND "
    mine = "originator_id LIKE 'team-s14-many-%'"

    def left() -> int:
        row = ledger.database.execute(query + mine).fetchone()
        return 0 if row is None else int(row[0])

    deadline = time.monotonic() + 30
    while left() < len(names) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.5)
    assert left() == len(names)
    assert info(ledger, "s14-many")["teams"] == [names[-1]]


def test_users_are_updated_in_one_go_each_with_a_result(ledger: Ledger) -> None:
    for name in ("bulk-a", "bulk-b"):
        ledger.user(name, user_email=f"{name}@example.com")
    users = [
        {"user_id": "bulk-a", "max_budget": 1},
        {"user_id": "bulk-b", "user_email": "bulk-a@example.com"},
        {"user_email": "bulk-a@example.com", "rpm_limit": 2},
        {"user_id": "bulk-b", "max_budget": -1},
    ]
    answered = ledger.done("/user/bulk_update", {"users": users})
    counts = ("total_requested", "successful_updates", "failed_updates")
    assert [answered[name] for name in counts] == [4, 2, 2]
    first, taken, third, negative = answered["results"]
    assert first["updated_user"]["max_budget"] == 1
    assert third["user_id"] == "bulk-a"
    assert third["updated_user"] == info(ledger, "bulk-a")
    assert (taken["success"], taken["updated_user"]) == (False, None)
    assert taken["error"] == "User with email bulk-a@example.com already exists"
    assert negative["error"] == "max_budget cannot be negative. Received: -1.0"
    assert info(ledger, "bulk-b")["max_budget"] is None


def test_all_users_there_are_are_updated(ledger: Ledger) -> None:
    body = {"all_users": True, "user_updates": {"rpm_limit": 77}}
    answered = ledger.done("/user/bulk_update", body, MASTER_KEY, Idempotency_Key="all")
    total = ledger.shown("/user/list")["total"]
    assert answered["total_requested"] == answered["successful_updates"] == total
    listed = ledger.shown("/user/list", page_size=100)["users"]
    assert {user["rpm_limit"] for user in listed} == {77}
    with ledger.nothing_stored():
        again = ledger.done("/user/bulk_update", body, MASTER_KEY, Idempotency_Key="all")
    assert again == answered


def test_a12_only_admins_search_users(ledger: Ledger) -> None:
    lead, plain = ledger.user("a12-lead"), ledger.user("a12-plain", user_email="A12@Example.com")
    viewer = ledger.user("a12-viewer", "proxy_admin_viewer")
    team(ledger, "a12", "a12-lead")
    team(ledger, "a12-other", "a12-plain")
    of_team = ledger.key(team_id="a12")
    ledger.done(
        "/team/member_update", {"team_id": "a12-other", "user_id": "a12-plain", "role": "user"}
    )
    found = [{"user_id": "a12-plain", "user_email": "A12@Example.com"}]
    for by in (MASTER_KEY, viewer, lead):
        assert ledger.shown("/user/filter/ui", by, user_email="a12@") == found
        assert ledger.shown("/user/filter/ui", by, user_id="A12-PLAIN") == found
    for by in (plain, of_team):
        refused = ledger.get("/user/filter/ui", by, user_id="a12")
        assert_refused(refused, 403, "A", "Only proxy admins and team admins can search users.")
    foreign = ledger.get("/user/filter/ui", lead, team_id="a12-other")
    assert_refused(foreign, 403, "A", "Only proxy admins and team admins")
    own = ledger.shown("/user/filter/ui", lead, team_id="a12")
    assert {user["user_id"] for user in own} == {"a12-lead", "default_user_id"}


def test_the_version_of_a_user_is_his_etag(ledger: Ledger) -> None:
    ledger.user("tagged")
    shown = ledger.get("/user/info", user_id="tagged").headers["etag"]
    body = {"user_id": "tagged", "max_budget": 1}
    changed = ledger.post("/user/update", body, MASTER_KEY, If_Match=shown)
    assert changed.status_code == 200
    assert changed.headers["etag"] == ledger.get("/user/info", user_id="tagged").headers["etag"]
    late = ledger.post("/user/delete", {"user_ids": ["tagged"]}, MASTER_KEY, If_Match=shown)
    assert late.status_code == 412


def test_the_roles_are_those_that_can_be_given(ledger: Ledger) -> None:
    roles = ledger.shown("/user/available_roles", ledger.user("roles"))
    for role in roles:
        ledger.user(f"has {role}", role)
    assert list(roles) == [
        *("proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer")
    ]
