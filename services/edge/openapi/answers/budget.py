"""Budgets that several things may share (supporting-api.md 5)."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.edge.openapi.schema import Document, Moment


class BudgetRow(Document):
    """A budget as the columns of its table and the names of its relations."""

    budget_id: Annotated[str, Field(description="The id of the budget.")]
    max_budget: float | None
    soft_budget: float | None
    max_parallel_requests: int | None
    tpm_limit: int | None
    rpm_limit: int | None
    model_max_budget: dict[str, Any] | None
    budget_duration: str | None
    budget_reset_at: Moment | None
    created_at: Moment
    created_by: str | None
    updated_at: Moment
    updated_by: str | None
    organization: None
    projects: None
    keys: None
    end_users: None
    tags: None
    team_membership: None
    organization_membership: None


class BudgetField(Document):
    """A field that can be set of a budget, and what it says there."""

    field_name: str
    field_type: Literal["Float", "Integer", "String"]
    field_description: str
    field_value: float | int | str | None
    stored_in_db: bool
    field_default_value: None
    premium_field: bool
    nested_fields: None
