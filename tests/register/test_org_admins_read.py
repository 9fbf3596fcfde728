"""What admins of organizations may read: D12, and the users and keys of their organizations."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import Shape, assert_refused
from tests.support.service import Start


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service of this module's own: lists are about all teams and users there are."""
    with running_ledger(postgres_server, start) as running:
        yield running


def team(ledger: Ledger, team_id: str, *user_ids: str, **fields: object) -> None:
    """A team of these members, with the models that `acme` and `other` allow."""
    members = [{"user_id": user_id, "role": "user"} for user_id in user_ids]
    body = {"team_id": team_id, "models": ["m"], "members_with_roles": members}
    ledger.done("/team/new", {**body, **fields})


def enter(ledger: Ledger, organization_id: str, user_id: str, role: str = "internal_user") -> None:
    member = {"user_id": user_id, "role": role}
    body = {"organization_id": organization_id, "member": member}
    ledger.done("/organization/member_add", body)


def ids(teams: Any) -> list[str]:  # noqa: ANN401
    return [listed["team_id"] for listed in teams]


@pytest.fixture(scope="module")
def ben(ledger: Ledger, olga: str) -> str:
    """The key of somebody in a team of `acme`, one of `other` and one of none; olga is in `free`.

    Of `other` she is in a team as well.
    """
    assert olga
    key = ledger.user("ben")
    for team_id, user_ids, fields in (
        ("ben-acme", ["ben"], {"organization_id": "acme"}),
        ("ben-other", ["ben"], {"organization_id": "other"}),
        ("free", ["olga", "ben"], {}),
        ("olga-other", ["olga"], {"organization_id": "other"}),
    ):
        team(ledger, team_id, *user_ids, **fields)
        for user_id in user_ids:
            ledger.key(team_id=team_id, user_id=user_id)
        ledger.key(team_id=team_id)
    return key


@pytest.mark.usefixtures("ben")
def test_d12_an_org_admin_lists_the_teams_of_his_organization_whole(
    ledger: Ledger, olga: str
) -> None:
    """With all keys and their hashes, as an administrator sees them."""
    whole = ledger.shown("/team/list", organization_id="acme")
    assert ledger.shown("/team/list", olga) == whole
    assert {"acme-team", "ben-acme"} <= set(ids(whole))
    assert [len(listed["keys"]) for listed in whole if listed["team_id"] == "ben-acme"] == [2]
    assert all("token" in key for listed in whole for key in listed["keys"])
    assert ids(ledger.shown("/team/list", olga, limit=2)) == ids(whole)[:2]


@pytest.mark.usefixtures("ben")
def test_d12_with_his_own_id_he_lists_the_teams_he_is_in_as_well(ledger: Ledger, olga: str) -> None:
    acme = ids(ledger.shown("/team/list", organization_id="acme"))
    listed = ledger.shown("/team/list", olga, user_id="olga")
    assert sorted(ids(listed)) == sorted([*acme, "free", "olga-other"])
    memberships = {each["team_id"]: each["team_memberships"] for each in listed}
    assert [m["user_id"] for m in memberships["free"]] == ["olga"]
    assert memberships["acme-team"] == []
    [free] = [each for each in listed if each["team_id"] == "free"]
    assert [key["user_id"] for key in free["keys"]] == ["olga", None]
    assert not any("token" in key for key in free["keys"])


@pytest.mark.usefixtures("ben")
def test_d12_with_the_id_of_another_he_lists_only_what_is_in_his_organization(
    ledger: Ledger, olga: str
) -> None:
    [listed] = ledger.shown("/team/list", olga, user_id="ben")
    assert listed["team_id"] == "ben-acme"
    assert [m["user_id"] for m in listed["team_memberships"]] == ["ben"]
    for user_id in ("nobody", ""):
        assert ledger.shown("/team/list", olga, user_id=user_id) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"organization_id": "other"}, []),
        ({"organization_id": "unknown"}, []),
        ({"organization_id": "default_organization"}, []),
        ({"organization_id": "other", "user_id": "ben"}, []),
        ({"organization_id": "default_organization", "user_id": "ben"}, []),
        ({"organization_id": "acme", "user_id": "ben"}, ["ben-acme"]),
        ({"organization_id": "other", "user_id": "olga"}, ["olga-other"]),
        ({"organization_id": "default_organization", "user_id": "olga"}, ["free"]),
    ],
)
@pytest.mark.usefixtures("ben")
def test_d12_a_filter_by_organization_only_narrows(
    ledger: Ledger, olga: str, asked: dict[str, str], found: list[str]
) -> None:
    assert ids(ledger.shown("/team/list", olga, **asked)) == found


def test_d12_a_mere_member_of_an_organization_lists_his_own_teams_alone(
    ledger: Ledger, ben: str
) -> None:
    enter(ledger, "acme", "ben")
    for asked in ({}, {"organization_id": "acme"}, {"user_id": "olga"}):
        refused = ledger.get("/team/list", ben, **asked)
        assert_refused(refused, 401, "A", "Only admin users can query all teams/other teams")
    own = ledger.shown("/team/list", ben, user_id="ben")
    assert sorted(ids(own)) == ["ben-acme", "ben-other", "free"]
    assert ledger.get("/team/info", ben, team_id="acme-team").status_code == 403


@pytest.mark.usefixtures("ben")
def test_d12_pages_are_of_ones_own_teams_for_org_admins_too(ledger: Ledger, olga: str) -> None:
    """As the contract measured it (1.4): there an organization opens nothing."""
    for asked in ({}, {"organization_id": "acme"}, {"user_id": "ben"}):
        refused = ledger.get("/v2/team/list", olga, **asked)
        assert_refused(refused, 401, "A", "Only admin users can query all teams/other teams")
    own = ledger.shown("/v2/team/list", olga, user_id="olga")
    assert (sorted(ids(own["teams"])), own["total"]) == (["free", "olga-other"], 2)
    assert sorted(ids(ledger.shown("/user/info", olga)["teams"])) == ["free", "olga-other"]


@pytest.mark.usefixtures("ben")
def test_d12_an_org_admin_reads_a_team_of_his_organization_as_an_administrator_does(
    ledger: Ledger, olga: str
) -> None:
    for path in ("/team/info", "/team/permissions_list"):
        whole = ledger.shown(path, team_id="ben-acme")
        assert ledger.shown(path, olga, team_id="ben-acme") == whole
    assert len(ledger.shown("/team/info", olga, team_id="ben-acme")["keys"]) == 2


@pytest.mark.usefixtures("ben")
def test_d12_teams_elsewhere_and_teams_that_do_not_exist_are_refused_alike(
    ledger: Ledger, olga: str
) -> None:
    shapes: list[tuple[str, Shape]] = [("/team/info", "B"), ("/team/permissions_list", "A")]
    for path, shape in shapes:
        refusals = [
            (ledger.get(path, olga, team_id=team_id, organization_id="acme"), team_id)
            for team_id in ("ben-other", "other-team", "unknown")
        ]
        for refused, team_id in refusals:
            assert_refused(refused, 403, shape, team_id)
        assert len({refused.text.replace(name, "?") for refused, name in refusals}) == 1
    assert ledger.get("/team/permissions_list", olga, team_id="olga-other").status_code == 403
    assert ledger.shown("/team/info", olga, team_id="olga-other")["team_id"] == "olga-other"


def loss(what: str) -> tuple[str, dict[str, object]]:
    """The request in which the admin of an organization loses it, or its team; all are so named."""
    match what:
        case "removed":
            return "DELETE /organization/member_delete", {"organization_id": what, "user_id": what}
        case "demoted":
            changed = {"user_id": what, "role": "internal_user"}
            return "PATCH /organization/member_update", {"organization_id": what, **changed}
        case "moved":
            return "/team/update", {"team_id": what, "organization_id": ""}
        case "deleted":
            return "DELETE /organization/delete", {"organization_ids": [what]}
    return "/user/delete", {"user_ids": [what]}


@pytest.mark.parametrize(
    ("what", "listed"),
    [("removed", 401), ("demoted", 401), ("moved", 200), ("deleted", 401), ("begun-again", 401)],
)
def test_d12_a_lost_organization_is_lost_from_the_next_request_on(
    ledger: Ledger, what: str, listed: int
) -> None:
    key = ledger.user(what)
    ledger.done("/organization/new", {"organization_id": what, "organization_alias": what})
    enter(ledger, what, what, "org_admin")
    team(ledger, what, organization_id=what)
    assert ids(ledger.shown("/team/list", key)) == [what]
    for path in ("/team/info", "/team/permissions_list", "/user/list"):
        assert ledger.get(path, key, team_id=what).status_code == 200
    ledger.done(*loss(what))
    if what == "begun-again":
        key = ledger.user(what)
    for path in ("/team/info", "/team/permissions_list"):
        assert ledger.get(path, key, team_id=what).status_code == 403
    answer = ledger.get("/team/list", key)
    assert answer.status_code == listed
    assert listed == 401 or answer.json() == []
    users = ledger.get("/user/list", key)
    assert users.status_code == (403 if listed == 401 else 200)


@pytest.mark.usefixtures("ben")
def test_an_org_admin_lists_the_users_of_his_organization_and_their_teams_there(
    ledger: Ledger, olga: str
) -> None:
    for user_id, organization_id in (("cy", "acme"), ("dan", "other")):
        ledger.user(user_id)
        enter(ledger, organization_id, user_id)
        for inside in ("acme", "other"):
            team(ledger, f"{user_id}-{inside}", user_id, organization_id=inside)
    page = ledger.shown("/user/list", olga, sort_by="user_id")
    whole = ledger.shown("/user/list", organization_ids="acme", sort_by="user_id")
    assert page["total"] == whole["total"] == len(page["users"])
    assert [user["user_id"] for user in page["users"]] == [u["user_id"] for u in whole["users"]]
    teams = {user["user_id"]: user["teams"] for user in page["users"]}
    assert {"cy", "olga"} <= teams.keys()
    assert "dan" not in teams
    assert teams["cy"] == ["cy-acme"]
    assert {u["user_id"]: u["teams"] for u in whole["users"]}["cy"] == ["cy-acme", "cy-other"]
    for asked, found in (("cy-acme", ["cy"]), ("cy-other", []), ("dan-acme", []), ("free", [])):
        shown = ledger.shown("/user/list", olga, team=asked)
        assert ([user["user_id"] for user in shown["users"]], shown["total"]) == (found, len(found))


def test_an_org_admin_asks_for_the_users_of_his_own_organizations(
    ledger: Ledger, olga: str
) -> None:
    mixed = ledger.shown("/user/list", olga, organization_ids="other,acme")
    assert mixed == ledger.shown("/user/list", olga)
    for foreign in ("other", "unknown", "other,unknown"):
        refused = ledger.get("/user/list", olga, organization_ids=foreign)
        assert_refused(refused, 403, "A", "You do not have org_admin access to the requested")
    dee = ledger.user("dee")
    enter(ledger, "acme", "dee")
    refused = ledger.get("/user/list", dee, organization_ids="acme")
    assert_refused(refused, 403, "A", "Only proxy admins and organization admins can list users")


@pytest.mark.usefixtures("ben")
def test_a12_an_org_admin_searches_the_users_of_a_team_of_his_organization(
    ledger: Ledger, olga: str
) -> None:
    found = ledger.shown("/user/filter/ui", olga, team_id="ben-acme")
    assert found == ledger.shown("/user/filter/ui", team_id="ben-acme")
    assert "ben" in [each["user_id"] for each in found]
    for team_id in ("ben-other", "olga-other", "free", "unknown"):
        assert ledger.get("/user/filter/ui", olga, team_id=team_id).status_code == 403


@pytest.mark.usefixtures("ben")
def test_keys_of_an_organization_are_listed_for_who_is_in_it(ledger: Ledger, olga: str) -> None:
    """Of those only his own: one in a team of the organization counts for it."""
    for organization_id, own in (("acme", []), ("other", ["olga-other"])):
        query = {"organization_id": organization_id, "return_full_object": "true"}
        listed = ledger.shown("/key/list", olga, **query)
        assert [key["team_id"] for key in listed["keys"]] == own
    refused = ledger.get("/key/list", olga, organization_id="unknown")
    assert_refused(refused, 403, "B", "check this organization's keys")
