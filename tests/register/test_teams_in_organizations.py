"""Teams inside organizations over HTTP: D01, D05, D06, D07, D62."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start

WHOLE = ("/team/update", "/team/block", "/team/unblock", "/team/delete")
MEMBERS = ("/team/member_add", "/team/member_update", "/team/member_delete")


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service of this module's own."""
    with running_ledger(postgres_server, start) as running:
        yield running


def team(ledger: Ledger, team_id: str, **fields: object) -> str:
    ledger.done("/team/new", {"team_id": team_id, "models": ["m"], **fields})
    return team_id


def body(path: str, team_id: str) -> dict[str, Any]:
    match path:
        case "/team/delete":
            return {"team_ids": [team_id]}
        case "/team/member_add":
            return {"team_id": team_id, "member": {"user_id": "new", "role": "user"}}
        case "/team/member_update" | "/team/member_delete":
            return {"team_id": team_id, "user_id": "new"}
    return (
        {"team_id": team_id, "organization_id": "acme"}
        if path == "/team/update"
        else {"team_id": team_id}
    )


@pytest.mark.parametrize("path", WHOLE)
@pytest.mark.parametrize("team_id", ["other-team", "unknown"])
def test_d01_naming_an_organization_gives_no_right_to_other_teams(
    ledger: Ledger, olga: str, path: str, team_id: str
) -> None:
    with ledger.nothing_stored():
        refused = ledger.http.post(
            f"{path}?organization_id=acme",
            json={**body(path, team_id), "organization_id": "acme"},
            headers={"authorization": f"Bearer {olga}"},
        )
        assert_refused(refused, 401, "B", "Only proxy admin can be used to generate, delete")


def test_d01_an_org_admin_manages_the_teams_of_his_organization(ledger: Ledger, olga: str) -> None:
    team(ledger, "managed", organization_id="acme")
    ledger.done("/team/update", {"team_id": "managed", "max_budget": 5}, olga)
    for path in ("/team/block", "/team/unblock", *MEMBERS):
        ledger.done(path, body(path, "managed"), olga)
    ledger.done("/team/model/add", {"team_id": "managed", "models": ["n"]}, olga)
    granted = {"team_id": "managed", "team_member_permissions": ["/key/generate"]}
    ledger.done("/team/permissions_update", granted, olga)
    members = [{"user_id": "bulk", "role": "user"}]
    ledger.done("/team/bulk_member_add", {"team_id": "managed", "members": members}, olga)
    made = {"team_id": "made", "organization_id": "acme", "models": ["m"]}
    ledger.done("/team/new", made, olga)
    ledger.done("/team/delete", {"team_ids": ["made", "managed"]}, olga)


def test_d01_he_makes_no_teams_elsewhere_and_moves_none_there(ledger: Ledger, olga: str) -> None:
    with ledger.nothing_stored():
        nowhere = ledger.post("/team/new", {"models": ["m"]}, olga)
        assert_refused(nowhere, 401, "B", "Passed organization_id is None")
        elsewhere = ledger.post("/team/new", {"organization_id": "other", "models": ["m"]}, olga)
        assert_refused(elsewhere, 401, "B", "Your role is internal_user in Organization other")
        for target in ("other", None, ""):
            moved = {"team_id": "acme-team", "organization_id": target}
            assert ledger.post("/team/update", moved, olga).status_code == 401


@pytest.mark.parametrize("path", MEMBERS)
def test_members_of_other_organizations_are_not_his_to_manage(
    ledger: Ledger, olga: str, path: str
) -> None:
    for team_id in ("other-team", "unknown"):
        refused = ledger.post(path, body(path, team_id), olga)
        assert_refused(refused, 403, "A", f"route={path}, team_id={team_id}")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"max_budget": 101}, "Team max_budget (101.0) exceeds organization's max_budget (100.0)"),
        ({"tpm_limit": 1001}, "Team tpm_limit (1001) exceeds organization's tpm_limit (1000)"),
        ({"rpm_limit": 101}, "Team rpm_limit (101) exceeds organization's rpm_limit (100)"),
    ],
)
def test_d05_limits_of_the_organization_hold_for_new_and_changed_teams(
    ledger: Ledger, olga: str, fields: dict[str, object], text: str
) -> None:
    with ledger.nothing_stored():
        made = ledger.post("/team/new", {"organization_id": "acme", "models": ["m"], **fields})
        assert_refused(made, 400, "B", text)
        changed = ledger.post("/team/update", {"team_id": "acme-team", **fields}, olga)
        assert_refused(changed, 400, "B", text)


@pytest.mark.usefixtures("olga")
def test_d06_the_resulting_models_are_judged(ledger: Ledger) -> None:
    text = "not in organization's allowed models"
    with ledger.nothing_stored():
        for models in ([], ["x"]):
            made = ledger.post("/team/new", {"organization_id": "acme", "models": models})
            assert_refused(made, 400, "B", text)
            changed = ledger.post("/team/update", {"team_id": "acme-team", "models": models})
            assert_refused(changed, 400, "B", text)
        added = ledger.post("/team/model/add", {"team_id": "acme-team", "models": ["x"]})
        assert_refused(added, 400, "A", text)
    team(ledger, "d06", models=["x"])
    outside = ledger.post("/team/update", {"team_id": "d06", "organization_id": "acme"})
    assert_refused(outside, 401, "B", "org not allowed to access model")
    both = {"team_id": "d06", "organization_id": "acme", "models": ["n"]}
    assert ledger.done("/team/update", both)["data"]["organization_id"] == "acme"


def test_d07_guarantees_are_not_counted_twice_and_not_handed_out_twice(ledger: Ledger) -> None:
    named = {"organization_id": "d07", "organization_alias": "d07", "tpm_limit": 1000}
    ledger.done("/organization/new", named)
    asked = {"organization_id": "d07", "tpm_limit_type": "guaranteed_throughput", "tpm_limit": 300}

    def make(number: int) -> int:
        return ledger.post("/team/new", {"team_id": f"d07-{number}", **asked}).status_code

    with ThreadPoolExecutor(8) as workers:
        statuses = sorted(workers.map(make, range(8)))
    assert statuses == [200] * 3 + [400] * 5
    made = [t["team_id"] for t in ledger.shown("/team/list", organization_id="d07")]
    assert len(made) == 3
    again = {"team_id": made[0], "tpm_limit": 400, "max_budget": 1}
    ledger.done("/team/update", again)
    full = ledger.post("/team/new", {"team_id": "d07-full", **asked})
    assert_refused(full, 400, "B", "Allocated TPM limit=1000 + Team TPM limit=300 is greater than")
    ledger.done("/team/delete", {"team_ids": [made[1]]})
    ledger.done("/team/new", {"team_id": "d07-full", **asked})


def test_d62_a_team_moves_without_any_configured_models(ledger: Ledger) -> None:
    ledger.done("/organization/new", {"organization_id": "d62", "organization_alias": "d62"})
    team(ledger, "d62", models=[])
    moved = {"team_id": "d62", "organization_id": "d62"}
    assert ledger.done("/team/update", moved)["data"]["organization_id"] == "d62"
    left = ledger.done("/team/update", {"team_id": "d62", "organization_id": ""})
    assert left["data"]["organization_id"] is None
