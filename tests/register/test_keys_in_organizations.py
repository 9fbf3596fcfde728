"""Keys of organizations: supporting-api.md 2.2, 2.4, 2.6, S12, A03, D07 over HTTP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.database.embedded import EmbeddedServer
from tests.register.test_keys import works
from tests.support.auditor import token
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start

GUARANTEED = {"tpm_limit_type": "guaranteed_throughput", "tpm_limit": 300}
ROTATE, SERVICE = "/key/regenerate", "/key/service-account/generate"


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service of this module's own: lists of keys are about all keys there are."""
    with running_ledger(postgres_server, start) as running:
        yield running


def organization(ledger: Ledger, organization_id: str, **fields: object) -> str:
    body = {"organization_id": organization_id, "organization_alias": organization_id, **fields}
    ledger.done("/organization/new", body)
    return organization_id


def member(ledger: Ledger, organization_id: str, user_id: str, role: str) -> str:
    """A new user who is in the organization; his key."""
    key = ledger.user(user_id)
    body = {"organization_id": organization_id, "member": {"user_id": user_id, "role": role}}
    ledger.done("/organization/member_add", body)
    return key


@pytest.fixture(scope="module")
def acme(ledger: Ledger) -> dict[str, str]:
    """Keys by user: `olga` administers `acme`, `max` is in it, `rita` only reads, `eve` is out."""
    organization(ledger, "acme")
    organization(ledger, "other")
    return {
        "olga": member(ledger, "acme", "olga", "org_admin"),
        "max": member(ledger, "acme", "max", "internal_user"),
        "rita": member(ledger, "acme", "rita", "internal_user_viewer"),
        "eve": member(ledger, "other", "eve", "internal_user"),
    }


def shown(ledger: Ledger, key: str) -> Any:  # noqa: ANN401
    return ledger.shown("/key/info", key=key)["info"]


def listed(ledger: Ledger, organization_id: str, **query: str) -> set[str]:
    page = ledger.shown("/key/list", organization_id=organization_id, size=100, **query)
    return set(page["keys"])


def test_a_key_has_the_organization_it_was_made_for(ledger: Ledger, acme: dict[str, str]) -> None:
    for by in (acme["max"], acme["olga"]):
        made = ledger.done("/key/generate", {"organization_id": "acme"}, by)
        assert made["organization_id"] == "acme"
        assert shown(ledger, made["key"])["organization_id"] == "acme"
        assert made["token"] in listed(ledger, "acme")
        page = ledger.shown("/key/list", organization_id="acme", return_full_object="true")
        assert {key["org_id"] for key in page["keys"]} == {"acme"}
    rotated = ledger.done(ROTATE, {"key": made["key"]})
    assert rotated["organization_id"] == "acme"


@pytest.mark.parametrize("organization_id", ["acme", "unknown"])
def test_d09_strangers_are_told_the_same_of_any_organization(
    ledger: Ledger, acme: dict[str, str], organization_id: str
) -> None:
    asked = {"organization_id": organization_id}
    own = ledger.done("/key/generate", {}, acme["eve"])["key"]
    text = f"User=eve cannot have keys in organization={organization_id}"
    with ledger.nothing_stored():
        for path, body in (
            ("/key/generate", asked),
            ("/key/update", {"key": own, **asked}),
            (ROTATE, {"key": own, **asked}),
        ):
            assert_refused(ledger.post(path, body, acme["eve"]), 403, "B", text)
        reader = ledger.post("/key/generate", asked, acme["rita"])
        assert_refused(reader, 403, "B", "User=rita cannot have keys in organization")


def test_an_unknown_organization_is_404_to_who_may_know(ledger: Ledger) -> None:
    key, asked = ledger.key(), {"organization_id": "unknown"}
    ledger.done("/team/new", {"team_id": "t-unknown"})
    text = "Organization not found, passed organization_id=unknown"
    with ledger.nothing_stored():
        for path, body in (
            ("/key/generate", asked),
            ("/key/update", {"key": key, **asked}),
            (SERVICE, {"team_id": "t-unknown", **asked}),
        ):
            assert_refused(ledger.post(path, body), 404, "B", text)


def test_its_owner_does_not_take_a_key_out_of_its_organization(
    ledger: Ledger, acme: dict[str, str]
) -> None:
    key = ledger.done("/key/generate", {"organization_id": "acme"}, acme["max"])["key"]
    out = {"key": key, "organization_id": None}
    with ledger.nothing_stored():
        refused = ledger.post("/key/update", out, acme["max"])
        assert_refused(refused, 403, "B", "Only an admin of organization=acme can take a key out")
        blank = {"key": key, "organization_id": ""}
        assert ledger.done("/key/update", blank, acme["max"])["organization_id"] == "acme"
    moved = ledger.done("/key/update", {"key": key, "organization_id": "other"})
    assert moved["organization_id"] == "other"
    assert token(key) in listed(ledger, "other") - listed(ledger, "acme")
    assert ledger.done("/key/update", out)["organization_id"] is None


def test_a_key_of_a_team_counts_for_the_organization_that_the_team_is_in(ledger: Ledger) -> None:
    for name in ("first", "second"):
        organization(ledger, name)
    ledger.done("/team/new", {"team_id": "moving", "organization_id": "first"})
    service = ledger.done(SERVICE, {"team_id": "moving", "organization_id": "first"})
    made = ledger.done("/key/generate", {"team_id": "moving"})
    assert (service["organization_id"], made["organization_id"]) == ("first", "first")
    with ledger.nothing_stored():
        other = ledger.post("/key/generate", {"team_id": "moving", "organization_id": "second"})
        assert_refused(other, 400, "B", "organization_id=second is not that of team=moving")
    tokens = {service["token"], made["token"]}
    assert listed(ledger, "first") >= tokens
    members = [{"user_id": "default_user_id", "role": "internal_user"}]
    ledger.done("/organization/member_add", {"organization_id": "second", "member": members})
    ledger.done("/team/update", {"team_id": "moving", "organization_id": "second"})
    assert listed(ledger, "second") >= tokens
    assert not listed(ledger, "first") & tokens
    assert shown(ledger, made["key"])["organization_id"] == "second"
    [key, _] = ledger.shown("/team/info", team_id="moving")["keys"]
    assert key["organization_id"] == "second"
    ledger.done("/key/delete", {"keys": [made["key"]]})
    assert listed(ledger, "second", status="deleted") == {made["token"]}


def test_s12_keys_of_an_organization_end_with_it(ledger: Ledger) -> None:
    organization(ledger, "s12")
    ledger.done("/team/new", {"team_id": "s12"})
    keys = [ledger.key(organization_id="s12"), ledger.key(organization_id="s12", team_id="s12")]
    apart = ledger.key(team_id="s12")
    ledger.done("DELETE /organization/delete", {"organization_ids": ["s12"]})
    assert [works(ledger, key) for key in (*keys, apart)] == [False, False, True]
    organization(ledger, "s12")
    assert not any(works(ledger, key) for key in keys)
    assert listed(ledger, "s12") == set()
    assert listed(ledger, "s12", status="deleted") == {token(key) for key in keys}
    [entry, *_] = ledger.shown("/audit", object_id=token(keys[0]))["audit_logs"]
    assert (entry["action"], entry["before_value"]["organization_id"]) == ("deleted", "s12")


def test_a03_an_admin_of_the_organization_blocks_and_deletes_its_keys(
    ledger: Ledger, acme: dict[str, str]
) -> None:
    key = ledger.key(organization_id="acme")
    with ledger.nothing_stored():
        for name in ("max", "rita", "eve"):
            assert ledger.post("/key/block", {"key": key}, acme[name]).status_code in {401, 404}
    assert ledger.done("/key/block", {"key": key}, acme["olga"])["blocked"] is True
    ledger.done("/key/delete", {"keys": [key]}, acme["olga"])
    assert not works(ledger, key)


@pytest.mark.parametrize("giver", ["organization", "team"])
def test_d07_guarantees_to_keys_made_at_once_stay_within_what_there_is(
    ledger: Ledger, giver: str
) -> None:
    name = f"d07-{giver}"
    if giver == "team":
        ledger.done("/team/new", {"team_id": name, "tpm_limit": 1000})
    else:
        organization(ledger, name, tpm_limit=1000)
    asked = {f"{giver}_id": name, **GUARANTEED}

    def make(_: int) -> int:
        return ledger.post("/key/generate", asked).status_code

    with ThreadPoolExecutor(8) as workers:
        statuses = sorted(workers.map(make, range(8)))
    assert statuses == [200] * 3 + [400] * 5
    keys = ledger.shown("/key/list", **{f"{giver}_id": name})["keys"]
    assert len(keys) == 3
    assert ledger.done("/key/update", {"key": keys[0], "tpm_limit": 400})["tpm_limit"] == 400
    text = f"Allocated TPM limit=1000 + Key TPM limit=300 is greater than {giver} TPM limit=1000"
    with ledger.nothing_stored():
        assert_refused(ledger.post("/key/generate", asked), 400, "B", text)
        more = ledger.post("/key/update", {"key": keys[0], "tpm_limit": 401})
        assert_refused(more, 400, "B", "Allocated TPM limit=600 + Key TPM limit=401")
    rotated = ledger.done(ROTATE, {"key": keys[1], "tpm_limit": 299})
    assert rotated["tpm_limit"] == 299
    ledger.done("/key/delete", {"keys": [keys[2]]})
    ledger.done("/key/generate", asked)


def test_d07_each_change_of_many_counts_what_those_before_it_took(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "d07-bulk", "tpm_limit": 700})
    keys = [ledger.key(**GUARANTEED) for _ in range(3)]
    changes = [{"key": key, "team_id": "d07-bulk"} for key in keys]
    told = ledger.done("/key/bulk_update", {"keys": changes})
    assert [each["key"] for each in told["successful_updates"]] == keys[:2]
    [failed] = told["failed_updates"]
    assert (failed["key"], failed["key_info"]["team_id"]) == (keys[2], None)
    assert failed["failed_reason"].startswith("Allocated TPM limit=600 + Key TPM limit=300")
