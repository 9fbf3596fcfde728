"""Models, permissions, callbacks, many members at once: the register's entries over HTTP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start

SECRET = "sk-lf-1234567890-abcdef"
MASKED = "sk-l****cdef"


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service of this module's own: some tests are about all users there are."""
    with running_ledger(postgres_server, start) as running:
        yield running


@pytest.fixture(scope="module")
def admin(ledger: Ledger) -> str:
    """The key of a user who is admin of the teams below, and nothing else."""
    return ledger.user("tina")


def team(ledger: Ledger, team_id: str, **fields: object) -> str:
    members = [{"user_id": "tina", "role": "admin"}]
    ledger.done("/team/new", {"team_id": team_id, "members_with_roles": members, **fields})
    return team_id


def info(ledger: Ledger, team_id: str) -> Any:  # noqa: ANN401
    return ledger.shown("/team/info", team_id=team_id)["team_info"]


def audited(ledger: Ledger, team_id: str) -> list[Any]:
    entries: list[Any] = ledger.shown("/audit", object_id=team_id)["audit_logs"]
    return entries


def test_d16_a_team_never_gets_all_models_by_losing_its_last(ledger: Ledger, admin: str) -> None:
    team_id = team(ledger, "d16", models=["a", "b"])
    with ledger.nothing_stored():
        body = {"team_id": team_id, "models": ["a", "b"]}
        refused = ledger.post("/team/model/delete", body, admin)
        assert_refused(refused, 400, "A", "The last model of a team cannot be deleted")
    assert info(ledger, team_id)["models"] == ["a", "b"]


def test_d17_a_permission_that_nobody_knows_is_refused(ledger: Ledger, admin: str) -> None:
    team_id = team(ledger, "d17")
    granted = ["/key/generate", "/key/generate"]
    body: dict[str, Any] = {"team_id": team_id, "team_member_permissions": granted}
    shown = ledger.done("/team/permissions_update", body, admin)
    assert shown["team_member_permissions"] == ["/key/generate"]
    with ledger.nothing_stored():
        body["team_member_permissions"] = ["/nope"]
        refused = ledger.post("/team/permissions_update", body, admin)
        assert_refused(refused, 422, "C", "body.team_member_permissions.0: ")


def test_d21_team_admins_change_models_and_add_many(ledger: Ledger, admin: str) -> None:
    team_id = team(ledger, "d21", models=["a"])
    added = ledger.done("/team/model/add", {"team_id": team_id, "models": ["b"]}, admin)
    assert added["models"] == ["a", "b"]
    left = ledger.done("/team/model/delete", {"team_id": team_id, "models": ["a"]}, admin)
    assert left["models"] == ["b"]
    members = [{"user_id": "d21-new", "role": "user"}]
    many = {"team_id": team_id, "members": members}
    assert ledger.done("/team/bulk_member_add", many, admin)["successful_additions"] == 1


def test_d21_others_change_nothing_and_learn_nothing(ledger: Ledger) -> None:
    plain = ledger.user("d21-plain")
    team_id = team(ledger, "d21-closed")
    for known in (team_id, "d21-unknown"):
        models = ledger.post("/team/model/add", {"team_id": known, "models": ["b"]}, plain)
        assert_refused(models, 403, "A", "Only proxy admin or team admin can modify team models")
        members = [{"user_id": "d21-plain", "role": "user"}]
        many = ledger.post("/team/bulk_member_add", {"team_id": known, "members": members}, plain)
        assert_refused(many, 403, "A", f"route=/team/bulk_member_add, team_id={known}")


def test_d23_what_was_written_is_what_is_shown_and_disabled(ledger: Ledger) -> None:
    team_id = team(ledger, "d23")
    variables = {"langfuse_secret_key": SECRET, "langfuse_host": "https://l.example.com"}
    body = {"callback_name": "langfuse", "callback_vars": variables}
    shown = ledger.done(f"/team/{team_id}/callback", body)["data"]["metadata"]["logging"]
    assert shown == [
        {
            "callback_name": "langfuse",
            "callback_type": "success_and_failure",
            "callback_vars": {**variables, "langfuse_secret_key": MASKED},
        }
    ]
    assert info(ledger, team_id)["metadata"]["logging"] == shown
    held = ledger.shown(f"/team/{team_id}/callback")["data"]
    assert held == {
        "team_id": team_id,
        "success_callbacks": ["langfuse"],
        "failure_callbacks": ["langfuse"],
        "callback_vars": {**variables, "langfuse_secret_key": MASKED},
    }
    again = ledger.post(f"/team/{team_id}/callback", body)
    assert_refused(again, 400, "B", "callback_name = langfuse already exists")
    off = ledger.done(f"/team/{team_id}/disable_logging", None)
    assert off["data"] == {"team_id": team_id, "success_callbacks": [], "failure_callbacks": []}
    assert "logging" not in info(ledger, team_id)["metadata"]
    assert ledger.shown(f"/team/{team_id}/callback")["data"] == {**off["data"], "callback_vars": {}}
    gone = ledger.get("/team/d23-unknown/callback")
    assert_refused(gone, 404, "B", "Team id = d23-unknown does not exist.")


def test_d23_metadata_is_the_same_store_and_a_mask_keeps_the_secret(ledger: Ledger) -> None:
    logging = [{"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": SECRET}}]
    old = {"success_callback": ["langsmith"], "callback_vars": {"langsmith_api_key": SECRET}}
    metadata = {"own": 1, "logging": logging, "callback_settings": old}
    team_id = team(ledger, "d23-metadata", metadata=metadata)
    shown = info(ledger, team_id)["metadata"]
    assert [entry["callback_name"] for entry in shown["logging"]] == ["langfuse", "langsmith"]
    with ledger.nothing_stored():
        ledger.done("/team/update", {"team_id": team_id, "metadata": shown})
    kept = ledger.done("/team/update", {"team_id": team_id, "metadata": {"own": 2}})
    assert kept["data"]["metadata"] == {**shown, "own": 2}
    gone = ledger.done("/team/update", {"team_id": team_id, "metadata": {"logging": []}})
    assert "logging" not in gone["data"]["metadata"]


def test_d23_no_secret_stands_in_the_database_or_in_an_answer(ledger: Ledger) -> None:
    team_id = team(ledger, "d23-sealed")
    hidden = "lf-very-secret-indeed-42"
    body = {"callback_name": "langfuse", "callback_vars": {"langfuse_secret": hidden}}
    ledger.done(f"/team/{team_id}/callback", body)
    for table in ("events.stored_events", "read.teams_1", "read.audit_1"):
        query = f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0"
        found = [hidden, hidden.encode().hex()]
        for text in found:
            assert ledger.database.execute(query, (text,)).fetchone() == (0,)
    for path in (f"/team/info?team_id={team_id}", "/team/list", f"/audit?object_id={team_id}"):
        assert hidden not in ledger.get(path).text


def test_d23_a_repetition_gets_the_masked_answer(ledger: Ledger) -> None:
    team_id = team(ledger, "d23-repeated")
    body = {"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": SECRET}}
    path = f"/team/{team_id}/callback"
    first = ledger.done(path, body, idempotency_key="d23")
    assert ledger.done(path, body, idempotency_key="d23") == first
    other = team(ledger, "d23-other")
    reused = ledger.post(f"/team/{other}/callback", body, idempotency_key="d23")
    assert_refused(reused, 422, "B", "was used before with another request")


def test_a_team_whose_id_holds_slashes_has_callbacks_too(ledger: Ledger) -> None:
    team_id = team(ledger, "a/b/callback")
    body = {"callback_name": "langfuse", "callback_vars": {}}
    ledger.done(f"/team/{team_id}/callback", body)
    assert info(ledger, team_id)["metadata"]["logging"]
    plain = ledger.user("slashes")
    refused = ledger.post(f"/team/{team_id}/callback", body, plain)
    assert_refused(refused, 401, "B", "Route=/team/a/b/callback/callback.")


def test_d24_models_keep_their_order_and_stand_once(ledger: Ledger) -> None:
    team_id = team(ledger, "d24", models=["c", "a", "c"])
    ledger.done("/team/model/add", {"team_id": team_id, "models": ["b", "a", "0"]})
    assert info(ledger, team_id)["models"] == ["c", "a", "b", "0"]


def test_d25_parallel_changes_of_one_list_are_all_kept(ledger: Ledger) -> None:
    team_id = team(ledger, "d25", models=["first"])
    names = [f"m{n}" for n in range(20)]

    def add(name: str) -> None:
        ledger.done("/team/model/add", {"team_id": team_id, "models": [name]})
        body = {"callback_name": name, "callback_vars": {}}
        ledger.done(f"/team/{team_id}/callback", body)

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(add, names))
    shown = info(ledger, team_id)
    assert sorted(shown["models"]) == sorted(["first", *names])
    logged = [entry["callback_name"] for entry in shown["metadata"]["logging"]]
    assert sorted(logged) == sorted(names)


def test_d26_each_of_many_members_has_a_result_of_his_own(ledger: Ledger) -> None:
    team_id = team(ledger, "d26")
    ledger.user("d26-ann", user_email="d26-ann@example.com")
    members = [
        {"user_id": "d26-new", "role": "user"},
        {"user_id": "tina", "role": "user"},
        {"user_email": "D26-Ann@Example.com", "role": "admin"},
        {"user_id": "d26-new", "role": "user"},
        {"user_id": "d26-other", "user_email": "d26-ann@example.com", "role": "user"},
    ]
    told = ledger.done("/team/bulk_member_add", {"team_id": team_id, "members": members})
    assert [(r["user_id"], r["user_email"], r["success"], r["error"]) for r in told["results"]] == [
        ("d26-new", None, True, None),
        ("tina", None, False, "User already in team"),
        ("d26-ann", "d26-ann@example.com", True, None),
        ("d26-new", None, False, "User already in team"),
        (
            "d26-other",
            "d26-ann@example.com",
            False,
            "user_email and user_id do not belong to the same user",
        ),
    ]
    counted = ("total_requested", "successful_additions", "failed_additions")
    assert [told[name] for name in counted] == [5, 2, 3]
    assert told["results"][2]["updated_user"]["teams"] == [team_id]
    assert [m["user_id"] for m in told["updated_team"]["members_with_roles"]] == [
        *("tina", "default_user_id", "d26-new", "d26-ann")
    ]


def test_d26_who_may_not_add_anybody_is_refused_as_a_whole(ledger: Ledger) -> None:
    members = [{"user_id": "d26-x", "role": "user"}]
    unknown = ledger.post("/team/bulk_member_add", {"team_id": "d26-no", "members": members})
    assert_refused(unknown, 404, "A", "Team doesn't exist in db. Team=d26-no.")


def test_d26_all_users_are_added_however_many(ledger: Ledger, admin: str) -> None:
    team_id, source = team(ledger, "d26-all"), team(ledger, "d26-source")
    for start in range(0, 1_200, 400):
        members = [{"user_id": f"d26-{n}", "role": "user"} for n in range(start, start + 400)]
        ledger.done("/team/bulk_member_add", {"team_id": source, "members": members})
    body = {"team_id": team_id, "all_users": True}
    told = ledger.done("/team/bulk_member_add", body, admin, idempotency_key="everybody")
    results = {result["user_id"]: result["success"] for result in told["results"]}
    assert len(results) == told["total_requested"] > 1_200
    assert [user for user, added in results.items() if not added] == ["default_user_id", "tina"]
    roster = [member["user_id"] for member in info(ledger, team_id)["members_with_roles"]]
    assert sorted(roster) == sorted(results)
    with ledger.nothing_stored():
        again = ledger.done("/team/bulk_member_add", body, admin, idempotency_key="everybody")
        assert again == told
        repeated = ledger.done("/team/bulk_member_add", body, admin)
        assert repeated["successful_additions"] == 0
        assert repeated["updated_team"] is None
    reused = {"team_id": source, "all_users": True}
    refused = ledger.post("/team/bulk_member_add", reused, admin, idempotency_key="everybody")
    assert_refused(refused, 422, "B", "was used before with another request")


def test_d37_members_added_at_once_share_the_teams_reset(ledger: Ledger) -> None:
    team_id = team(ledger, "d37", budget_duration="7d")
    members = [{"user_id": "d37-ann", "role": "user"}]
    body = {"team_id": team_id, "members": members, "max_budget_in_team": 3}
    [result] = ledger.done("/team/bulk_member_add", body)["results"]
    row = result["updated_team_membership"]["litellm_budget_table"]
    assert (row["max_budget"], row["budget_duration"]) == (3.0, "7d")


def test_d44_every_change_of_a_part_leaves_a_row(ledger: Ledger) -> None:
    team_id = team(ledger, "d44", models=["a"])
    ledger.done("/team/model/add", {"team_id": team_id, "models": ["b"]})
    granted = {"team_id": team_id, "team_member_permissions": ["/key/list"]}
    ledger.done("/team/permissions_update", granted)
    callback = {"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": SECRET}}
    ledger.done(f"/team/{team_id}/callback", callback)
    ledger.done(f"/team/{team_id}/disable_logging", None)
    rows = {row["command"]: row for row in audited(ledger, team_id)}
    assert rows["AddModels"]["before_value"] == {"models": ["a"]}
    assert rows["AddModels"]["updated_values"] == {"models": ["a", "b"]}
    assert rows["SetMemberPermissions"]["updated_values"] == {
        "team_member_permissions": ["/key/list"]
    }
    [logged] = rows["AddCallback"]["updated_values"]["metadata"]["logging"]
    assert logged["callback_name"] == "langfuse"
    assert SECRET not in str(rows)
    assert rows["DisableLogging"]["updated_values"] == {"metadata": {}}


def test_d04_an_available_team_is_joined_by_oneself_and_as_a_plain_member(
    postgres_server: EmbeddedServer, start_service: Start
) -> None:
    env = {"TEAMLEDGER_AVAILABLE_TEAMS": "open,never made"}
    with running_ledger(postgres_server, start_service, **env) as ledger:
        ann, bob = ledger.user("ann"), ledger.user("bob")
        for team_id in ("open", "closed"):
            ledger.done("/team/new", {"team_id": team_id})
        me = {"user_id": "ann", "role": "user"}
        refused: list[dict[str, Any]] = [
            {"team_id": "open", "member": {"user_id": "bob", "role": "user"}},
            {"team_id": "open", "member": {"user_id": "ann", "role": "admin"}},
            {"team_id": "open", "member": me, "max_budget_in_team": 5},
            {"team_id": "open", "member": [me, {"user_id": "bob", "role": "user"}]},
            {"team_id": "closed", "member": me},
            {"team_id": "never made", "member": me},
        ]
        with ledger.nothing_stored():
            for body in refused:
                text = f"route=/team/member_add, team_id={body['team_id']}"
                assert_refused(ledger.post("/team/member_add", body, ann), 403, "A", text)
            granted = {"team_id": "open", "team_member_permissions": ["/key/generate"]}
            assert_refused(ledger.post("/team/permissions_update", granted, ann), 403, "A", "open")
            assert ledger.get("/team/permissions_list", ann, team_id="open").status_code == 403
        assert [team["team_id"] for team in ledger.shown("/team/available", ann)] == ["open"]
        joined = ledger.done("/team/member_add", {"team_id": "open", "member": me}, ann)
        assert joined["members_with_roles"][-1] == {**me, "user_email": None}
        assert ledger.shown("/team/available", ann) == []
        assert ledger.get("/team/info", bob, team_id="open").status_code == 403


def test_d35_a_roster_that_is_sent_back_is_accepted_and_another_one_is_not(ledger: Ledger) -> None:
    team_id = team(ledger, "d35")
    ledger.done("/user/new", {"user_id": "d35-ann", "user_email": "d35@example.com"})
    member = {"user_id": "d35-ann", "role": "user"}
    ledger.done("/team/member_add", {"team_id": team_id, "member": member})
    roster = info(ledger, team_id)["members_with_roles"]
    sent = {"team_id": team_id, "max_budget": 3, "members_with_roles": roster}
    assert ledger.done("/team/update", sent)["data"]["max_budget"] == 3.0
    by_email = [*roster[:2], {"user_email": "D35@example.com", "role": "user"}]
    ledger.done("/team/update", {**sent, "members_with_roles": by_email})
    with ledger.nothing_stored():
        for other in ([], roster[:1], [*roster[:2], {**member, "role": "admin"}]):
            refused = ledger.post("/team/update", {**sent, "members_with_roles": other})
            assert_refused(refused, 400, "B", "/team/update changes no members")


def test_d37_budgets_of_members_follow_a_duration_the_team_gets_later(ledger: Ledger) -> None:
    team_id = team(ledger, "d37-later", team_member_budget=2)
    member = {"user_id": "d37-own", "role": "user"}
    body = {"team_id": team_id, "member": member, "max_budget_in_team": 3}
    ledger.done("/team/member_add", body)
    ledger.done("/team/update", {"team_id": team_id, "budget_duration": "7d"})
    rows = ledger.shown("/team/info", team_id=team_id)["team_memberships"]
    assert {row["litellm_budget_table"]["budget_duration"] for row in rows} == {"7d"}


def test_d63_a_key_of_nobody_makes_no_keys(ledger: Ledger) -> None:
    ghost = ledger.key(user_id="d63-never-made")
    with ledger.nothing_stored():
        assert_refused(ledger.post("/key/generate", {}, ghost), 401, "B", "Only proxy admin")


def test_keys_of_members_last_as_long_as_their_team_says(ledger: Ledger) -> None:
    team_id = team(ledger, "short-lived", team_member_key_duration="1h")
    made = ledger.done("/key/generate", {"team_id": team_id, "user_id": "tina", "duration": "1y"})
    assert made["duration"] == "1h"
    service = ledger.done("/key/generate", {"team_id": team_id})
    assert service["expires"] is None
    odd = {"team_id": team_id, "metadata": {"team_member_key_duration": ["never"]}}
    ledger.done("/team/update", odd)
    assert ledger.done("/key/generate", {"team_id": team_id, "user_id": "tina"})["key"]
