"""Spend over HTTP: shown wherever there is a place for it, and reset by hand."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.gateway import Gateway
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    with running_ledger(postgres_server, start_service) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(ledger: Ledger) -> Gateway:
    return Gateway(ledger)


def member(team_id: str, user_id: str, **fields: object) -> dict[str, Any]:
    return {"team_id": team_id, "member": {"user_id": user_id, "role": "user"}, **fields}


def memberships(ledger: Ledger, team_id: str) -> dict[str, float]:
    found = ledger.shown("/team/info", team_id=team_id)["team_memberships"]
    return {each["user_id"]: each["spend"] for each in found}


def test_answers_to_writes_show_what_is_spent(ledger: Ledger, gateway: Gateway) -> None:
    ledger.done("/team/new", {"team_id": "w", "max_budget": 10, "budget_duration": "30d"})
    ledger.user("w-ann")
    ledger.done("/team/member_add", member("w", "w-ann"))
    key = ledger.key(user_id="w-ann", team_id="w")
    gateway.spends(key, 1.5)
    assert ledger.done("/team/update", {"team_id": "w", "max_budget": 11})["data"]["spend"] == 1.5
    for path, body in (
        ("/team/block", {"team_id": "w"}),
        ("/team/unblock", {"team_id": "w"}),
        ("/team/model/add", {"team_id": "w", "models": ["gpt-4o"]}),
        ("/key/update", {"key": key, "max_budget": 2}),
        ("/key/block", {"key": key}),
        ("/team/member_delete", {"team_id": "w", "user_id": "w-ann"}),
    ):
        assert ledger.done(path, body)["spend"] == 1.5
    user = ledger.done("/user/update", {"user_id": "w-ann", "max_budget": 9})["data"]
    assert user["spend"] == 1.5
    added = ledger.done("/team/member_add", member("w", "w-ann"))
    assert added["updated_team_memberships"][0]["spend"] == 1.5
    assert added["updated_users"][0]["spend"] == 1.5


def test_a_repeated_write_answers_what_is_spent_by_then(ledger: Ledger, gateway: Gateway) -> None:
    ledger.done("/team/new", {"team_id": "r"})
    key, body = ledger.key(team_id="r"), {"team_id": "r", "max_budget": 5}
    gateway.spends(key, 1)
    assert ledger.done("/team/update", body, idempotency_key="r-1")["data"]["spend"] == 1.0
    gateway.spends(key, 2)
    assert ledger.done("/team/update", body, idempotency_key="r-1")["data"]["spend"] == 3.0


def test_a_rotated_key_has_spent_what_it_had_before(ledger: Ledger, gateway: Gateway) -> None:
    key = ledger.key(max_budget=5)
    gateway.spends(key, 1)
    for total in (1.0, 3.0, 5.0):
        rotated = ledger.done("/key/regenerate", {"key": key})
        assert rotated["spend"] == total
        key = rotated["key"]
        gateway.spends(key, 2)
    assert ledger.done("/key/update", {"key": key, "max_budget": 6})["spend"] == 7.0
    assert ledger.shown("/key/info", key=key)["info"]["spend"] == 7.0
    [window] = ledger.shown(f"/v1/keys/{key}/windows")["windows"]
    assert window["spend"] == 7.0
    done = ledger.done(f"/key/{key}/reset_spend", {"reset_to": 0.5})
    assert done["previous_spend"] == 7.0
    assert ledger.shown("/key/info", key=key)["info"]["spend"] == 0.5


def test_a_keys_spend_goes_on_from_where_it_is_reset(ledger: Ledger, gateway: Gateway) -> None:
    key = ledger.key(max_budget=5, budget_duration="30d")
    gateway.spends(key, 4.25)
    path = f"/key/{key}/reset_spend"
    with ledger.nothing_stored():
        assert_refused(ledger.post(path, {"reset_to": 4.5}), 400, "B", "(4.5) must be <= current")
        assert_refused(ledger.post(path, {"reset_to": -1}), 400, "B", "reset_to must be >= 0")
        assert ledger.done(path, {"reset_to": 4.25})["spend"] == 4.25
    done = ledger.done(path, {"reset_to": 1.25, "reason": "billed twice"})
    assert done == {
        "key_hash": hash_key(key),
        "spend": 1.25,
        "previous_spend": 4.25,
        "max_budget": 5.0,
        "budget_reset_at": ledger.shown("/key/info", key=key)["info"]["budget_reset_at"],
    }
    gateway.spends(key, 0.5)
    assert ledger.shown("/key/info", key=key)["info"]["spend"] == 1.75
    [window] = ledger.shown(f"/v1/keys/{key}/windows", limit=1)["windows"]
    assert (window["spend"], window["max_budget"]) == (1.75, 5.0)
    assert (window["reset"]["amount"], window["reset"]["by"]) == (1.25, "default_user_id")
    [entry] = ledger.shown("/audit", object_id=hash_key(key), page_size=1)["audit_logs"]
    assert (entry["action"], entry["table_name"]) == ("updated", "LiteLLM_VerificationToken")
    assert entry["before_value"] == {"spend": 4.25}
    assert entry["updated_values"] == {"spend": 1.25, "reason": "billed twice"}


def test_no_amount_above_the_budget_is_reset_to(ledger: Ledger, gateway: Gateway) -> None:
    ledger.done("/budget/new", {"budget_id": "small", "max_budget": 2})
    own, linked = ledger.key(max_budget=2), ledger.key(budget_id="small")
    for key in (own, linked):
        gateway.spends(key, 4)
        refused = ledger.post(f"/key/{key}/reset_spend", {"reset_to": 3})
        assert_refused(refused, 400, "B", "reset_to (3.0) must be <= budget (2.0)")
        assert ledger.done(f"/key/{key}/reset_spend", {"reset_to": 2})["max_budget"] == 2.0


def test_a_member_is_unstuck(ledger: Ledger, gateway: Gateway) -> None:
    ledger.done("/team/new", {"team_id": "m/1", "team_member_budget": 2})
    for user_id in ("m-ann", "m-bob"):
        ledger.user(user_id)
        ledger.done("/team/member_add", member("m/1", user_id))
    key = ledger.key(user_id="m-ann", team_id="m/1")
    gateway.spends(key, 2.5)
    for path, left in (
        ("/team/m%2F1/member/m-ann/reset_spend", 1.5),
        ("/v1/teams/m%2F1/members/m-ann/reset_spend", 0.5),
    ):
        done = ledger.done(path, {"reset_to": left})
        assert (done["team_id"], done["user_id"], done["max_budget"]) == ("m/1", "m-ann", 2.0)
        assert done["spend"] == left
        assert memberships(ledger, "m/1") == {
            "default_user_id": 0.0,
            "m-ann": left,
            "m-bob": 0.0,
        }
    assert ledger.shown("/team/info", team_id="m/1")["team_info"]["spend"] == 2.5
    [entry] = ledger.shown("/audit", object_id="m/1", page_size=1)["audit_logs"]
    assert entry["updated_values"]["members_with_roles"] == [{"user_id": "m-ann", "spend": 0.5}]


def test_who_may_reset(ledger: Ledger, gateway: Gateway) -> None:
    lead, mate = ledger.user("lead"), ledger.user("mate")
    roles = [{"user_id": "lead", "role": "admin"}, {"user_id": "mate", "role": "user"}]
    ledger.done("/team/new", {"team_id": "who", "members_with_roles": roles})
    key = ledger.key(user_id="mate", team_id="who")
    outsider = ledger.user("outsider")
    gateway.spends(key, 2)
    on_key, on_mate = f"/key/{key}/reset_spend", "/team/who/member/mate/reset_spend"
    zero = {"reset_to": 0}
    assert_refused(ledger.post(on_key, zero, outsider), 404, "B", "not found")
    assert_refused(ledger.post(on_key, zero, mate), 403, "B", "not authorized to reset the spend")
    assert_refused(ledger.post(on_mate, zero, outsider), 403, "A", "not proxy admin OR team admin")
    assert_refused(ledger.post(on_mate, zero, mate), 403, "A", "not proxy admin OR team admin")
    own = "/team/who/member/lead/reset_spend"
    assert_refused(ledger.post(own, zero, lead), 403, "A", "Cannot reset your own spend")
    assert ledger.done(on_key, {"reset_to": 1}, lead)["spend"] == 1.0
    assert ledger.done(on_mate, {"reset_to": 1}, lead)["spend"] == 1.0
    stranger = ledger.post("/team/who/member/nobody/reset_spend", zero)
    assert_refused(stranger, 404, "A", "User nobody is not in the team")


def test_members_reset_service_keys_where_the_team_lets_them(
    ledger: Ledger, gateway: Gateway
) -> None:
    mate = ledger.user("granted")
    roles = [{"user_id": "granted", "role": "user"}]
    ledger.done("/team/new", {"team_id": "grants", "members_with_roles": roles})
    key = ledger.key(team_id="grants")
    gateway.spends(key, 2)
    path, zero = f"/key/{key}/reset_spend", {"reset_to": 0}
    assert_refused(ledger.post(path, zero, mate), 403, "B", "not authorized to reset the spend")
    granted = {"team_id": "grants", "team_member_permissions": ["/key/{key_id}/reset_spend"]}
    ledger.done("/team/permissions_update", granted)
    assert ledger.done(path, zero, mate)["previous_spend"] == 2.0


def test_everything_is_reset_at_once_and_goes_on(ledger: Ledger, gateway: Gateway) -> None:
    ledger.done("/team/new", {"team_id": "all"})
    key = ledger.key(team_id="all")
    gateway.spends(key, 3)
    admin, user = ledger.user("root", "proxy_admin"), ledger.user("ordinary")
    for caller in (admin, user):
        refused = ledger.post("/global/spend/reset", None, caller)
        assert_refused(refused, 401, "B", "which is only for MASTER KEY")
    before = ledger.stored()
    ledger.done("/global/spend/reset", None)
    assert ledger.stored() == before + 1

    def shown() -> tuple[float, float]:
        info = ledger.shown("/team/info", team_id="all")
        return info["team_info"]["spend"], info["keys"][0]["spend"]

    assert shown() == (0.0, 0.0)
    gateway.spends(key, 1)
    assert shown() == (1.0, 1.0)
    assert ledger.done("/team/block", {"team_id": "all"})["spend"] == 1.0
    [entry] = ledger.shown("/audit", action="updated", page_size=1)["audit_logs"]
    assert entry["updated_values"] == {"kinds": ["key", "team"], "spend": 0.0}
