"""Teams inside organizations: team-api.md 3.1 rows 9-11, 3.2 row 7, register D05, D06, D07."""

from typing import Any

import pytest

from events.budget import BudgetSettings
from events.organization import (
    Allowance,
    OrganizationAllowanceChanged,
    OrganizationCreated,
    OrganizationMemberAdded,
    OrganizationSettings,
)
from events.registry import DomainEvent
from events.streams import ORGANIZATION
from services.command.domain.errors import (
    CannotMove,
    DomainError,
    ModelOutsideOrganization,
    NotInOrganization,
    OutsideOrganization,
    OverAllowance,
    OverOrganization,
)
from services.command.domain.guarantee import allowance_of
from services.command.domain.organization import Organization
from services.command.domain.within import check_move, check_team
from tests.support.decider import after
from tests.support.facts import settings, usd

BUDGET = BudgetSettings(max_budget=usd(100), tpm_limit=1000, rpm_limit=100)
GUARANTEED = {"tpm_limit_type": "guaranteed_throughput", "rpm_limit_type": "guaranteed_throughput"}


def organization(*facts: DomainEvent, **values: Any) -> Organization:  # noqa: ANN401
    named = {"organization_alias": "Acme", "budget_id": "b", **values}
    made = OrganizationCreated(settings=OrganizationSettings.model_validate(named))
    state = after(ORGANIZATION, made, *facts)
    assert isinstance(state, Organization)
    return state


def handed_out(team_id: str, **limits: Any) -> OrganizationAllowanceChanged:  # noqa: ANN401
    return OrganizationAllowanceChanged(team_id=team_id, before=None, after=Allowance(**limits))


def judged(acme: Organization, team_id: str = "core", **team: Any) -> DomainError | None:  # noqa: ANN401
    try:
        check_team("acme", acme, BUDGET, team_id, settings(**team))
    except DomainError as refusal:
        return refusal
    return None


@pytest.mark.parametrize(
    ("team", "text"),
    [
        (
            {"budget": {"max_budget": "100.01"}},
            (
                "Team max_budget (100.01) exceeds organization's max_budget (100.0). "
                "Organization: acme"
            ),
        ),
        (
            {"limits": {"tpm_limit": 1001}},
            "Team tpm_limit (1001) exceeds organization's tpm_limit (1000). Organization: acme",
        ),
        (
            {"limits": {"rpm_limit": 101}},
            "Team rpm_limit (101) exceeds organization's rpm_limit (100). Organization: acme",
        ),
    ],
)
def test_d05_a_team_may_not_have_more_than_its_organization(
    team: dict[str, Any], text: str
) -> None:
    refusal = judged(organization(), **team)
    assert type(refusal) is OverOrganization
    assert str(refusal) == text


def test_what_the_organization_has_is_enough() -> None:
    fits: dict[str, Any] = {
        "budget": {"max_budget": 100},
        "limits": {"tpm_limit": 1000, "rpm_limit": 100},
    }
    assert judged(organization(), **fits) is None
    assert judged(organization()) is None


@pytest.mark.parametrize("models", [[], ["gpt-4o", "claude"], ["all-proxy-models"], ["*"]])
def test_d06_models_are_those_of_the_organization_or_fewer(models: list[str]) -> None:
    refusal = judged(organization(models=["gpt-4o"]), models=models)
    assert type(refusal) is OutsideOrganization
    assert "Organization allowed models=['gpt-4o']. Organization: acme" in str(refusal)


@pytest.mark.parametrize("allowed", [[], ["all-proxy-models"], ["*"]])
def test_an_organization_without_a_list_admits_every_model(allowed: list[str]) -> None:
    for models in ([], ["gpt-4o"], ["all-proxy-models"]):
        assert judged(organization(models=allowed), models=models) is None
    assert judged(organization(models=["openai/*"]), models=["openai/gpt-4o"]) is None


def test_d07_guarantees_add_up_to_what_there_is_and_not_more() -> None:
    acme = organization(handed_out("one", tpm_limit=600), handed_out("two", rpm_limit=60))
    asked: dict[str, Any] = {"limits": {"tpm_limit": 401}, "metadata": GUARANTEED}
    refusal = judged(acme, **asked)
    assert type(refusal) is OverAllowance
    assert str(refusal) == (
        "Allocated TPM limit=600 + Team TPM limit=401 is greater than organization TPM limit=1000"
    )
    assert judged(acme, limits={"tpm_limit": 400, "rpm_limit": 40}, metadata=GUARANTEED) is None
    assert judged(acme, limits={"tpm_limit": 401}) is None


def test_d07_a_team_does_not_count_against_itself() -> None:
    acme = organization(handed_out("core", tpm_limit=1000))
    asked: dict[str, Any] = {"limits": {"tpm_limit": 1000}, "metadata": GUARANTEED}
    assert judged(acme, **asked) is None
    assert type(judged(acme, "other", **asked)) is OverAllowance


def test_guarantees_by_model_add_up_too() -> None:
    limits = {"metadata": {"model_rpm_limit": {"gpt-4o": 10}}}
    acme = organization(handed_out("one", model_rpm_limit={"gpt-4o": 6, "x": 99}), **limits)
    asked = {"model_rpm_limit": {"gpt-4o": 5}, **GUARANTEED}
    assert type(judged(acme, metadata=asked)) is OverAllowance
    assert judged(acme, metadata={**asked, "model_rpm_limit": {"gpt-4o": 4, "x": 99}}) is None


def test_what_a_team_takes_is_what_it_says_and_nothing_odd() -> None:
    odd = {"model_tpm_limit": {"a": 1, "b": "2", "c": True}, "model_rpm_limit": [1]}
    assert allowance_of(settings(metadata=odd)) == Allowance(model_tpm_limit={"a": 1})
    assert allowance_of(settings(budget={"max_budget": 5})) is None


@pytest.mark.parametrize(
    ("team", "members", "error", "text"),
    [
        ({}, [], CannotMove, "Team has access to all proxy models, but the organization does not."),
        ({"models": ["x"]}, [], ModelOutsideOrganization, "Tried to access x"),
        (
            {"models": ["m"], "budget": {"max_budget": 101}},
            [],
            CannotMove,
            "Team has max_budget 101.0 that is greater than the organization's max_budget 100.0.",
        ),
        (
            {"models": ["m"]},
            ["ann", "bob", "default_user_id"],
            NotInOrganization,
            "Team has user_id ['bob'] that is not a member of the organization.",
        ),
        (
            {"models": ["m"], "limits": {"rpm_limit": 101}},
            ["ann"],
            CannotMove,
            "Team has rpm_limit 101 that is greater than the organization's rpm_limit 100.",
        ),
    ],
)
def test_a_team_that_moves_fits_into_where_it_goes(
    team: dict[str, Any],
    members: list[str],
    error: type[DomainError],
    text: str,
) -> None:
    ann = OrganizationMemberAdded(user_id="ann", role="internal_user")
    acme = organization(ann, models=["m"])
    check_move(acme, BUDGET, settings(models=["m"]), ["ann", "default_user_id"])
    with pytest.raises(error) as refused:
        check_move(acme, BUDGET, settings(**team), members)
    assert type(refused.value) is error
    assert text in str(refused.value)
