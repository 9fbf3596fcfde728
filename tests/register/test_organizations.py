"""Organizations and budgets: S12, S13, S15 to S17, S19, A04, A05 over HTTP."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.loop import secret_of
from tests.support.organized import found_teams
from tests.support.refused import assert_refused
from tests.support.service import Start

WRITES = {
    "POST /organization/new": {"organization_alias": "x"},
    "PATCH /organization/update": {"organization_id": "a05"},
    "DELETE /organization/delete": {"organization_ids": ["a05"]},
    "POST /organization/member_add": {
        "organization_id": "a05",
        "member": {"user_id": "x", "role": "org_admin"},
    },
    "PATCH /organization/member_update": {"organization_id": "a05", "user_id": "x"},
    "DELETE /organization/member_delete": {"organization_id": "a05", "user_id": "x"},
    "POST /budget/new": {},
    "POST /budget/update": {"budget_id": "a05"},
    "POST /budget/delete": {"id": "a05"},
}


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service of this module's own: some tests are about all organizations there are."""
    with running_ledger(postgres_server, start) as running:
        yield running


def organization(ledger: Ledger, organization_id: str, **fields: object) -> Any:  # noqa: ANN401
    body = {"organization_id": organization_id, "organization_alias": organization_id, **fields}
    return ledger.done("/organization/new", body)


def member(ledger: Ledger, organization_id: str, user_id: str, role: str) -> Any:  # noqa: ANN401
    body = {"organization_id": organization_id, "member": {"user_id": user_id, "role": role}}
    return ledger.done("/organization/member_add", body)


def send(ledger: Ledger, write: str, body: object, key: str) -> httpx.Response:
    method, path = write.split()
    return ledger.send(method, path, body, key)


def test_s12_an_organization_ends_through_the_path_of_its_teams(ledger: Ledger) -> None:
    organization(ledger, "s12")
    ledger.user("member-0")
    names = found_teams(ledger.database_url, "s12", ["s12-a", "s12-b"])
    assert ledger.shown("/user/info", user_id="member-0")["user_info"]["teams"] == [
        "s12-a",
        "s12-b",
    ]
    deleted = ledger.done("DELETE /organization/delete", {"organization_ids": ["s12"]})
    assert [each["organization_id"] for each in deleted] == ["s12"]
    for name in names:
        refused = ledger.get("/key/info", secret_of(name))
        assert_refused(refused, 401, "B", "")
        assert ledger.get("/key/info", key=secret_of(name)).status_code == 404
    assert ledger.shown("/user/info", user_id="member-0")["user_info"]["teams"] == []
    archived = ledger.shown("/v2/team/list", organization_id="s12", status="deleted")["teams"]
    assert {team["team_id"] for team in archived} == {"s12-a", "s12-b"}
    for of, table in (("s12-a", "LiteLLM_TeamTable"), ("s12", "LiteLLM_OrganizationTable")):
        [entry, *_] = ledger.shown("/audit", object_id=of)["audit_logs"]
        assert (entry["action"], entry["table_name"]) == ("deleted", table)
    assert ledger.get("/organization/info", organization_id="s12").status_code == 404


def test_s12_all_organizations_of_a_request_are_deleted_or_none(ledger: Ledger) -> None:
    organization(ledger, "s12-kept")
    with ledger.nothing_stored():
        body = {"organization_ids": ["s12-kept", "s12-no"]}
        refused = ledger.send("DELETE", "/organization/delete", body)
        assert_refused(refused, 404, "A", "Organization not found, passed organization_id=s12-no")


def test_s13_members_join_by_id_or_address_with_their_budget(ledger: Ledger) -> None:
    organization(ledger, "s13")
    ledger.user("s13-ann", user_email="s13-ann@example.com")
    members = [
        {"user_email": "S13-Ann@Example.com", "role": "org_admin"},
        {"user_email": "s13-new@example.com", "role": "internal_user"},
        {"user_id": "s13-unknown", "role": "internal_user_viewer"},
    ]
    body = {"organization_id": "s13", "member": members, "max_budget_in_organization": 7.5}
    told = ledger.done("/organization/member_add", body)
    assert [user["user_email"] for user in told["updated_users"]] == [
        *("s13-ann@example.com", "s13-new@example.com", None)
    ]
    rows = told["updated_organization_memberships"]
    assert [row["user_role"] for row in rows] == [
        *("org_admin", "internal_user", "internal_user_viewer")
    ]
    assert {row["litellm_budget_table"]["max_budget"] for row in rows} == {7.5}
    shown = ledger.shown("/organization/info", organization_id="s13")["members"]
    assert [m["user_email"] for m in shown] == ["s13-ann@example.com", "s13-new@example.com", None]
    assert [m["litellm_budget_table"] for m in shown] == [m["litellm_budget_table"] for m in rows]


def test_s13_who_is_there_already_is_refused_by_any_name(ledger: Ledger) -> None:
    organization(ledger, "s13-twice")
    ledger.user("s13-bob", user_email="s13-bob@example.com")
    member(ledger, "s13-twice", "s13-bob", "internal_user")
    for named in ({"user_id": "s13-bob"}, {"user_email": "s13-BOB@example.com"}):
        body = {"organization_id": "s13-twice", "member": {**named, "role": "org_admin"}}
        with ledger.nothing_stored():
            refused = ledger.post("/organization/member_add", body)
            assert_refused(refused, 400, "B", "User already in organization. user_id=s13-bob")


def test_s13_updates_and_removals_by_address(ledger: Ledger) -> None:
    organization(ledger, "s13-named")
    ledger.user("s13-cy", user_email="s13-cy@example.com")
    member(ledger, "s13-named", "s13-cy", "internal_user")
    who = {"organization_id": "s13-named", "user_email": "s13-CY@example.com"}
    fields = {**who, "role": "org_admin", "max_budget_in_organization": 2}
    changed = ledger.done("PATCH /organization/member_update", fields)
    assert (changed["user_role"], changed["litellm_budget_table"]["max_budget"]) == ("org_admin", 2)
    assert ledger.done("DELETE /organization/member_delete", who) == changed
    assert ledger.done("DELETE /organization/member_delete", who) is None
    gone = ledger.send("PATCH", "/organization/member_update", fields)
    assert_refused(gone, 404, "A", "Member not found in organization for user_id=s13-cy")


def test_s15_an_unknown_budget_is_404_and_windows_follow_the_duration(ledger: Ledger) -> None:
    with ledger.nothing_stored():
        unknown = ledger.post("/budget/update", {"budget_id": "s15-no", "max_budget": 1})
        assert_refused(unknown, 404, "A", "Budget not found, passed budget_id=s15-no")
    later = "2036-01-01T00:00:00Z"
    body = {"budget_id": "s15", "budget_duration": "7d", "budget_reset_at": later}
    assert ledger.done("/budget/new", body)["budget_reset_at"] == later
    daily = ledger.done("/budget/update", {"budget_id": "s15", "budget_duration": "1d"})
    assert daily["budget_reset_at"].endswith("T00:00:00Z")
    assert daily["budget_reset_at"] < later
    never = ledger.done("/budget/update", {"budget_id": "s15", "budget_duration": None})
    assert never["budget_reset_at"] is None


def test_s15_budgets_by_model_are_objects(ledger: Ledger) -> None:
    by_model = {"gpt-4o": {"max_budget": 1.5, "budget_duration": "1d"}}
    ledger.done("/budget/new", {"budget_id": "s15-models"})
    body = {"budget_id": "s15-models", "model_max_budget": by_model}
    assert ledger.done("/budget/update", body)["model_max_budget"] == by_model
    [shown] = ledger.done("/budget/info", {"budgets": ["s15-models"]})
    assert shown["model_max_budget"] == by_model


def test_s16_a_budget_in_use_is_not_deleted(ledger: Ledger) -> None:
    ledger.done("/budget/new", {"budget_id": "s16"})
    organization(ledger, "s16", budget_id="s16")
    key = ledger.key(budget_id="s16")
    for users in (2, 1):
        with ledger.nothing_stored():
            refused = ledger.post("/budget/delete", {"id": "s16"})
            assert_refused(
                refused, 400, "A", f"Budget s16 is used by {users} organizations or keys"
            )
        if users > 1:
            ledger.done("DELETE /organization/delete", {"organization_ids": ["s16"]})
    ledger.done("/key/delete", {"keys": [key]})
    assert ledger.done("/budget/delete", {"id": "s16"})["budget_id"] == "s16"
    assert ledger.done("/budget/delete", {"id": "s16"}) is None


def test_s16_keys_that_are_gone_use_no_budget(ledger: Ledger) -> None:
    """Though the ends of so many are still to be recorded."""
    ledger.done("/budget/new", {"budget_id": "s16-team"})
    ledger.done("/team/new", {"team_id": "s16-team"})
    for _ in range(40):
        ledger.key(team_id="s16-team", budget_id="s16-team")
    refused = ledger.post("/budget/delete", {"id": "s16-team"})
    assert_refused(refused, 400, "A", "Budget s16-team is used by 40 organizations or keys")
    ledger.done("/team/delete", {"team_ids": ["s16-team"]})
    assert ledger.done("/budget/delete", {"id": "s16-team"})["budget_id"] == "s16-team"


def test_s17_lists_are_paged_where_it_is_asked_for(ledger: Ledger) -> None:
    for number in range(5):
        ledger.done("/budget/new", {"budget_id": f"s17-{number}"})
        organization(ledger, f"s17-{number}", organization_alias=f"S17 {number}")
    for path, field in (("/budget/list", "budget_id"), ("/organization/list", "organization_id")):
        whole = ledger.get(path)
        ids = [entry[field] for entry in whole.json()]
        assert whole.headers["x-total-count"] == str(len(ids))
        paged = [
            entry[field]
            for page in (1, 2, 3)
            for entry in ledger.shown(path, page=page, page_size=2)
        ]
        assert paged == ids[:6]
    found = ledger.get("/organization/list", org_alias="s17 ", page_size=1)
    assert (len(found.json()), found.headers["x-total-count"]) == (1, "5")
    [one] = ledger.shown("/organization/list", org_id="s17-3")
    assert one["organization_alias"] == "S17 3"


@pytest.mark.parametrize(
    ("write", "body", "status", "says"),
    [
        ("POST /organization/new", {"budget_id": "no"}, 404, "passed budget_id=no"),
        ("POST /organization/new", {"organization_id": "s19"}, 400, "s19 already exists"),
        ("PATCH /organization/update", {"organization_id": "no"}, 404, "organization_id=no"),
        ("POST /budget/new", {"budget_id": "s19"}, 400, "s19 already exists"),
        ("POST /budget/new", {"max_budget": -1}, 400, "max_budget cannot be negative"),
    ],
)
def test_s19_what_does_not_fit_together_is_a_refusal(
    ledger: Ledger, write: str, body: dict[str, object], status: int, says: str
) -> None:
    for path, there in (("/organization/new", "organization_id"), ("/budget/new", "budget_id")):
        ledger.post(path, {there: "s19", "organization_alias": "s19"})
    method, path = write.split()
    with ledger.nothing_stored():
        refused = ledger.send(method, path, {"organization_alias": "x", **body})
        assert_refused(refused, status, "A", says)


def test_a04_every_organization_that_is_told_of_is_judged(ledger: Ledger) -> None:
    for organization_id in ("a04-own", "a04-other"):
        organization(ledger, organization_id)
    key = ledger.user("a04")
    member(ledger, "a04-own", "a04", "org_admin")
    member(ledger, "a04-other", "a04", "internal_user")
    [own] = ledger.done("/organization/info", {"organizations": ["a04-own"]}, key)
    assert own["organization_id"] == "a04-own"
    texts = {
        "a04-other": "Organization a04-other. Your role is internal_user",
        "a04-unknown": "You do not have a role within the selected organization.",
        "s19": "You do not have a role within the selected organization.",
    }
    for other, says in texts.items():
        body = {"organizations": ["a04-own", other], "organization_id": "a04-own"}
        assert_refused(ledger.post("/organization/info", body, key), 401, "B", says)
        by_query = ledger.get("/organization/info", key, organization_id=other)
        assert_refused(by_query, 401, "B", says)
    unnamed = ledger.get("/organization/info", key)
    assert_refused(unnamed, 401, "B", "Passed organization_id is None")


def test_a05_no_handler_trusts_a_list_of_routes(ledger: Ledger) -> None:
    organization(ledger, "a05")
    ledger.done("/budget/new", {"budget_id": "a05"})
    ledger.user("a05")
    viewer = ledger.user("a05-viewer", "proxy_admin_viewer")
    member(ledger, "a05", "a05-viewer", "org_admin")
    with ledger.nothing_stored():
        for write, body in WRITES.items():
            path = write.split()[1]
            refused = send(ledger, write, body, viewer)
            assert_refused(refused, 403, "B", f"Trying to access: {path}")
    wide = ledger.key(user_id="a05", allowed_routes=[write.split()[1] for write in WRITES])
    with ledger.nothing_stored():
        for write, body in WRITES.items():
            assert_refused(send(ledger, write, body, wide), 401, "B", "")
    new = send(ledger, "POST /organization/new", {"organization_alias": "x"}, wide)
    assert_refused(new, 401, "B", "Only proxy admins can create new organizations. You are")
    outside = send(ledger, "DELETE /organization/delete", {"organization_ids": ["a05"]}, wide)
    assert_refused(outside, 401, "B", "but you are not a member of any organization")


def test_a05_an_admin_of_an_organization_does_what_is_his(ledger: Ledger) -> None:
    organization(ledger, "a05-own")
    key = ledger.user("a05-chief")
    member(ledger, "a05-own", "a05-chief", "org_admin")
    body = {"organization_id": "a05-own", "member": {"user_id": "a05-x", "role": "internal_user"}}
    ledger.done("/organization/member_add", body, key)
    update = {"organization_id": "a05-own", "user_id": "a05-x", "role": "org_admin"}
    ledger.done("PATCH /organization/member_update", update, key)
    with ledger.nothing_stored():
        for write in ("PATCH /organization/update", "DELETE /organization/member_delete"):
            assert_refused(send(ledger, write, update, key), 401, "B", "Only proxy admin")
    ledger.done("DELETE /organization/delete", {"organization_ids": ["a05-own"]}, key)


def test_a05_others_see_their_own_organizations_and_themselves(ledger: Ledger) -> None:
    organization(ledger, "a05-seen")
    key = ledger.user("a05-plain")
    found_teams(ledger.database_url, "a05-seen", ["a05-team"])
    member(ledger, "a05-seen", "a05-lead", "org_admin")
    member(ledger, "a05-seen", "a05-plain", "internal_user")
    [seen] = ledger.shown("/organization/list", key)
    assert [m["user_id"] for m in seen["members"]] == ["a05-plain"]
    assert seen["teams"] == []
    lead = ledger.key(user_id="a05-lead")
    [whole] = ledger.shown("/organization/list", lead)
    assert [m["user_id"] for m in whole["members"]] == ["a05-lead", "a05-plain"]
    assert [team["team_id"] for team in whole["teams"]] == ["a05-team"]
    assert ledger.shown("/organization/list", ledger.user("a05-nobody")) == []
    viewer = ledger.user("a05-reader", "proxy_admin_viewer")
    assert ledger.shown("/organization/info", viewer, organization_id="a05-seen")["teams"]


def test_every_write_knows_conditions_repetition_and_rehearsal(ledger: Ledger) -> None:
    organization(ledger, "terms")
    tag = ledger.get("/organization/info", organization_id="terms").headers["etag"]
    rename = {"organization_id": "terms", "organization_alias": "renamed"}
    with ledger.nothing_stored():
        late = ledger.send("PATCH", "/organization/update", rename, if_match='"0"')
        assert_refused(late, 412, "B", f"which is {tag}")
        told = ledger.done("PATCH /organization/update?dry_run=true", rename)
        assert [event["type"] for event in told["events"]] == ["organization.renamed"]
        assert told["changes"][0]["after"] == {"organization_alias": "renamed"}
    done = ledger.done("PATCH /organization/update", rename, if_match=tag, idempotency_key="t")
    with ledger.nothing_stored():
        again = ledger.done("PATCH /organization/update", rename, idempotency_key="t")
        assert again == done
        other = {**rename, "organization_alias": "other"}
        reused = ledger.send("PATCH", "/organization/update", other, idempotency_key="t")
        assert_refused(reused, 422, "B", "was used before with another request")
    body = {"organization_ids": ["terms"]}
    gone = ledger.done("DELETE /organization/delete", body, idempotency_key="gone")
    assert ledger.done("DELETE /organization/delete", body, idempotency_key="gone") == gone
