"""Keys of organizations: whose they are, and what they are guaranteed (supporting-api.md 2.2)."""

from datetime import timedelta
from typing import Any

import pytest
from rpds import HashTrieMap

from events.key import KeySettings
from events.organization import OrganizationDeleted
from events.registry import DomainEvent
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, kind_and_id, stream
from services.access.principal import AccessRefused, Principal
from services.command.application.cache import Cache, Children, LinkKey
from services.command.application.folds import AnyState, fold_of
from services.command.application.key_organizations import check_guaranteed, in_organization
from services.command.application.key_rights import check_key_rights, live_key
from services.command.application.view import Loads, View
from services.command.domain.dependents import KEYS
from services.command.domain.errors import (
    NotFound,
    OtherOrganization,
    OverAllowance,
    TooManyKeys,
)
from services.command.domain.key import ApiKey
from services.command.domain.organization import Organization
from services.command.domain.team import Team
from tests.support.decider import after, key_after, organization_after, team_after
from tests.support.eventlog import START
from tests.support.facts import (
    budget_created,
    created,
    generated,
    key_settings,
    organization_created,
    organization_settings,
)

ROOT = Principal("t", "root", "proxy_admin", None)
OLGA = Principal("t", "olga", None, None, org_roles=(("acme", "org_admin"),))
MAX = Principal(
    "t", "max", None, None, org_roles=(("acme", "internal_user"), ("read", "internal_user_viewer"))
)
EVE = Principal("t", "eve", None, None)
ACME = organization_after(organization_created(metadata={"model_rpm_limit": {"m": 10}}))
KEYS_OF_ACME = (stream(ORGANIZATION, "acme"), KEYS)


def view_of(**streams: AnyState) -> View:
    """State by `kind_id`; of keys, what hangs on what is worked out."""
    states = {name.replace("_", "-", 1): state for name, state in streams.items()}
    states |= {stream(BUDGET, "b"): after(BUDGET, budget_created(tpm_limit=1000, rpm_limit=100))}
    children: dict[LinkKey, Children] = {}
    for name in states:
        if kind_and_id(name)[0] in {TEAM, ORGANIZATION}:
            children[name, KEYS] = HashTrieMap()
    for name, key in states.items():
        if not isinstance(key, ApiKey):
            continue
        for kind in (TEAM, ORGANIZATION):
            if (of := getattr(key.settings, f"{kind}_id")) is not None:
                parent = (stream(kind, of), KEYS)
                children[parent] = children[parent].insert(name, 1)
    loads = Loads(states=states, children=children)
    return View(Cache(0), START + timedelta(seconds=9), loads)


def team(**fields: object) -> Team:
    return team_after(created(**fields))


WORLD: dict[str, AnyState] = {
    "organization_acme": ACME,
    "organization_read": organization_after(organization_created()),
    "organization_gone": Organization(),
    "team_free": team(),
    "team_core": team(organization_id="acme"),
    "team_other": team(organization_id="read"),
}


def placed(caller: Principal, before: dict[str, Any] | None = None, **wanted: object) -> str | None:
    """The organization of its own that a key has, was `before` and is to be as `wanted`."""
    held = None if before is None else key_settings(**before)
    asked = key_settings(**{**(before or {}), **wanted})
    return in_organization(view_of(**WORLD), caller, held, asked).organization_id


@pytest.mark.parametrize("caller", [ROOT, OLGA, MAX])
def test_members_and_proxy_admins_have_keys_in_an_organization(caller: Principal) -> None:
    assert placed(caller, organization_id="acme") == "acme"
    assert placed(caller, {}, organization_id="acme") == "acme"
    assert placed(caller, team_id="free", organization_id="acme") == "acme"


@pytest.mark.parametrize("organization_id", ["acme", "gone"])
def test_d09_strangers_cannot_tell_whether_there_is_such_an_organization(
    organization_id: str,
) -> None:
    with pytest.raises(AccessRefused) as refused:
        placed(EVE, organization_id=organization_id)
    assert refused.value.status == 403
    assert refused.value.text == f"User=eve cannot have keys in organization={organization_id}"


def test_who_only_reads_in_an_organization_has_no_keys_there() -> None:
    with pytest.raises(AccessRefused, match="cannot have keys in organization=read"):
        placed(MAX, organization_id="read")


def test_an_organization_has_to_be_there() -> None:
    with pytest.raises(NotFound, match="organization 'gone'"):
        placed(ROOT, organization_id="gone")


def test_a_key_of_a_team_counts_where_its_team_is() -> None:
    for caller in (ROOT, EVE):
        assert placed(caller, team_id="core") is None
        assert placed(caller, team_id="core", organization_id="acme") is None
    with pytest.raises(OtherOrganization, match="keys count for organization_id=read"):
        placed(ROOT, team_id="other", organization_id="acme")


OF_ACME: dict[str, Any] = {"organization_id": "acme"}


@pytest.mark.parametrize("wanted", [{"organization_id": None}, {"team_id": "other"}])
def test_only_those_above_its_owner_take_a_key_out_of_its_organization(
    wanted: dict[str, Any],
) -> None:
    with pytest.raises(AccessRefused, match="Only an admin of organization=acme") as refused:
        placed(MAX, OF_ACME, **wanted)
    assert refused.value.status == 403
    for caller in (ROOT, OLGA):
        assert placed(caller, OF_ACME, **wanted) is None


def test_a_key_stays_where_it_is_unless_it_is_about_that() -> None:
    assert placed(EVE, OF_ACME, models=["m"]) == "acme"
    assert placed(EVE, {**OF_ACME, "team_id": "other"}, models=["m"]) == "acme"
    assert placed(MAX, OF_ACME, team_id="core") is None
    assert placed(MAX, OF_ACME, team_id="free") == "acme"


GUARANTEED = {"tpm_limit_type": "guaranteed_throughput", "rpm_limit_type": "guaranteed_throughput"}
TAKEN = key_after(generated(organization_id="acme", limits={"tpm_limit": 600, "rpm_limit": 60}))


def wanted(of: dict[str, Any], **fields: Any) -> KeySettings:  # noqa: ANN401
    metadata = {**GUARANTEED, **fields.pop("metadata", {})}
    return key_settings(**of, limits=fields, metadata=metadata)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"tpm_limit": 401}, "Allocated TPM limit=600 + Key TPM limit=401 is greater than"),
        ({"rpm_limit": 41}, "Allocated RPM limit=60 + Key RPM limit=41 is greater than"),
        ({"metadata": {"model_rpm_limit": {"m": 11}}}, "organization RPM limit=10"),
    ],
)
def test_guarantees_of_an_organizations_keys_are_within_it(
    fields: dict[str, Any], text: str
) -> None:
    view = view_of(organization_acme=ACME, key_taken=TAKEN)
    with pytest.raises(OverAllowance, match="organization") as refused:
        check_guaranteed(view, "new", None, wanted(OF_ACME, **fields))
    assert text in str(refused.value)
    check_guaranteed(view, "new", None, wanted(OF_ACME, tpm_limit=400, rpm_limit=40))
    best_effort = key_settings(**OF_ACME, limits={"tpm_limit": 10_000})
    check_guaranteed(view, "new", None, best_effort)


def test_guarantees_of_a_teams_keys_are_within_the_team() -> None:
    core = team(limits={"tpm_limit": 100})
    taken = key_after(generated(team_id="core", team_incarnation=1, limits={"tpm_limit": 60}))
    view = view_of(team_core=core, key_taken=taken)
    with pytest.raises(OverAllowance) as refused:
        check_guaranteed(view, "new", None, wanted({"team_id": "core"}, tpm_limit=41))
    assert str(refused.value) == (
        "Allocated TPM limit=60 + Key TPM limit=41 is greater than team TPM limit=100"
    )
    check_guaranteed(view, "new", None, wanted({"team_id": "core"}, tpm_limit=40))


def test_a_key_is_not_counted_beside_itself_and_not_held_up_by_what_it_does_not_change() -> None:
    view = view_of(organization_acme=ACME, key_taken=TAKEN)
    held = TAKEN.settings
    check_guaranteed(view, "taken", held, wanted(OF_ACME, tpm_limit=1000))
    too_much = wanted(OF_ACME, tpm_limit=5000)
    check_guaranteed(view, "other", too_much, too_much.model_copy(update={"models": ["m"]}))
    with pytest.raises(OverAllowance):
        check_guaranteed(view, "other", held, too_much)


def test_more_keys_than_can_be_counted_are_guaranteed_nothing() -> None:
    loads = Loads(
        states={stream(ORGANIZATION, "acme"): ACME, stream(BUDGET, "b"): after(BUDGET)},
        children={KEYS_OF_ACME: HashTrieMap()},
        partial={KEYS_OF_ACME},
    )
    view = View(Cache(0), START, loads)
    with pytest.raises(TooManyKeys, match="organization has more than 1000 keys"):
        check_guaranteed(view, "new", None, wanted(OF_ACME, tpm_limit=1))
    check_guaranteed(view, "new", None, key_settings(**OF_ACME))


LIFE: list[DomainEvent] = [organization_created()]
END: list[DomainEvent] = [OrganizationDeleted(settings=organization_settings())]


@pytest.mark.parametrize("facts", [END, [*END, *LIFE]], ids=["gone", "there again"])
def test_s12_a_key_ends_with_the_organization_of_its_own(facts: list[DomainEvent]) -> None:
    key = key_after(generated(organization_id="acme"))
    alive, ended = organization_after(*LIFE), organization_after(*LIFE, *facts)
    assert live_key(view_of(key_one=key, organization_acme=alive), "one", "shown") is key
    with pytest.raises(NotFound, match="key 'shown'"):
        live_key(view_of(key_one=key, organization_acme=ended), "one", "shown")


def test_a03_an_admin_of_its_organization_blocks_a_key_of_no_team() -> None:
    key = key_after(generated(organization_id="acme", user_id="ann"))
    view = view_of(**WORLD)
    check_key_rights(view, OLGA, key, "shown", "/key/block")
    for caller in (MAX, EVE):
        with pytest.raises(NotFound):
            check_key_rights(view, caller, key, "shown", "/key/block")


def test_the_budget_of_the_organization_says_what_there_is() -> None:
    """Without a limit there is nothing to exceed."""
    states: dict[str, AnyState] = {
        stream(ORGANIZATION, "acme"): ACME,
        stream(BUDGET, "b"): after(BUDGET, budget_created()),
        stream(KEY, "new"): fold_of(stream(KEY, "new")).initial,
    }
    view = View(Cache(0), START, Loads(states=states, children={KEYS_OF_ACME: HashTrieMap()}))
    check_guaranteed(view, "new", None, wanted(OF_ACME, tpm_limit=10**9))
