"""Bodies of the routes about organizations and budgets."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from services.command.api.build_organization import (
    new_budget,
    new_organization,
    revised_budget,
    revised_organization,
)
from services.edge.requests.budget import BudgetBody
from services.edge.requests.organization import (
    NewOrganization,
    OrganizationMemberAdd,
    UpdateOrganization,
)

ALIAS = {"organization_alias": "Org"}


def test_a_new_organization_has_a_budget_of_its_own_unless_it_names_one() -> None:
    body = NewOrganization.model_validate({**ALIAS, "max_budget": "1.10", "rpm_limit": 3})
    made = new_organization(body)
    assert made.fresh
    assert made.budget is not None
    assert (made.budget.max_budget, made.budget.rpm_limit) == (Decimal("1.10"), 3)
    shared = new_organization(NewOrganization.model_validate({**ALIAS, "budget_id": "b"}))
    assert (shared.budget, shared.settings.budget_id) == (None, "b")


def test_limits_by_model_are_kept_in_metadata() -> None:
    limits = {"model_rpm_limit": {"m": 1}, "model_tpm_limit": {"m": 2}}
    made = new_organization(
        NewOrganization.model_validate({**ALIAS, "metadata": {"a": 1}, **limits})
    )
    assert made.settings.metadata == {"a": 1, **limits}


def test_null_and_absent_are_unchanged_in_an_update() -> None:
    sent = {"organization_id": "o", "models": None, "metadata": None, "max_budget": None}
    revised = revised_organization(UpdateOrganization.model_validate(sent))
    assert (revised.changes, revised.limits) == ({}, {})


def test_budget_fields_are_flat_or_in_the_table_and_flat_ones_count() -> None:
    sent = {
        "organization_id": "o",
        "max_budget": 1,
        "tpm_limit": None,
        "litellm_budget_table": {"max_budget": 2, "tpm_limit": 5, "budget_duration": None},
    }
    revised = revised_organization(UpdateOrganization.model_validate(sent))
    assert revised.limits == {"max_budget": Decimal(1), "tpm_limit": 5}


def test_an_update_of_a_budget_says_what_was_sent_null_included() -> None:
    body = BudgetBody.model_validate({"budget_id": "b", "max_budget": None, "rpm_limit": 1})
    assert revised_budget("b", body).changes == {"max_budget": None, "rpm_limit": 1}
    assert new_budget(BudgetBody.model_validate({})).fresh


@pytest.mark.parametrize(
    "sent",
    [
        {"budget_duration": "7"},
        {"budget_reset_at": "tomorrow"},
        {"budget_reset_at": "2026-01-01T00:00:00"},
        {"max_budget": float("inf")},
        {"tpm_limit": 2**63},
        {"model_max_budget": []},
        {"budget_id": ""},
    ],
)
def test_what_no_budget_can_hold_is_refused(sent: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BudgetBody.model_validate(sent)


def test_one_member_is_a_list_of_one() -> None:
    one = {"user_id": "ann", "role": "org_admin"}
    for member in (one, [one]):
        body = OrganizationMemberAdd.model_validate({"organization_id": "o", "member": member})
        assert [(m.user_id, m.role) for m in body.members] == [("ann", "org_admin")]
