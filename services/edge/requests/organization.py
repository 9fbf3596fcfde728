"""Bodies of the routes about organizations (supporting-api.md 4)."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue

from services.edge.requests.budget import BudgetFields
from services.edge.requests.common import (
    Identifier,
    Items,
    JsonObject,
    ModelLimits,
    Money,
    ObjectPermissionRequest,
    RequestModel,
    Text,
    Texts,
    refuse_long_list,
)
from services.edge.requests.member import UserReference

OrganizationRole = Literal["org_admin", "internal_user", "internal_user_viewer"]


class OrganizationFields(BudgetFields):
    """What an organization can be given when it is made and later."""

    budget_id: Identifier | None = None
    metadata: JsonObject | None = None
    model_rpm_limit: ModelLimits | None = None
    model_tpm_limit: ModelLimits | None = None
    object_permission: ObjectPermissionRequest | None = None

    def metadata_fields(self) -> dict[str, JsonValue] | None:
        """Metadata with the limits by model that are kept there; None where none was sent."""
        limits = {"model_rpm_limit": self.model_rpm_limit, "model_tpm_limit": self.model_tpm_limit}
        kept = {name: dict(value) for name, value in limits.items() if value is not None}
        if self.metadata is None and not kept:
            return None
        return {**(self.metadata or {}), **kept}


class NewOrganization(OrganizationFields):
    """`/organization/new`: a budget of its own, unless `budget_id` names one that is there."""

    organization_alias: Text
    organization_id: Identifier | None = None
    models: Texts = Field(default_factory=list)


class UpdateOrganization(OrganizationFields):
    """`/organization/update`: null is unchanged; budget fields are flat or in the table."""

    organization_id: Identifier
    organization_alias: Text | None = None
    models: Texts | None = None
    litellm_budget_table: BudgetFields | None = None

    def budget_fields(self) -> dict[str, Any]:
        """The fields that were sent with a value; the flat ones count where both are."""
        nested = self.litellm_budget_table
        sent = {**({} if nested is None else nested.budget_fields()), **_given(self)}
        return {name: value for name, value in sent.items() if value is not None}


def _given(body: BudgetFields) -> dict[str, Any]:
    fields = BudgetFields.budget_fields(body)
    return {name: value for name, value in fields.items() if value is not None}


class OrganizationsAsked(RequestModel):
    """POST `/organization/info`."""

    organizations: Items[Identifier]


class DeleteOrganizations(RequestModel):
    """`/organization/delete`: all of them or none; an id may be repeated."""

    organization_ids: Items[Identifier]


class OrganizationMember(UserReference):
    """Somebody to put into an organization."""

    role: OrganizationRole


class OrganizationMemberAdd(RequestModel):
    """`/organization/member_add`: one member or several."""

    organization_id: Identifier
    member: Annotated[
        OrganizationMember | list[OrganizationMember], BeforeValidator(refuse_long_list)
    ]
    max_budget_in_organization: Money | None = None

    @property
    def members(self) -> list[OrganizationMember]:
        """The members to add, in the order sent."""
        return self.member if isinstance(self.member, list) else [self.member]


class OrganizationMemberUpdate(UserReference):
    """`/organization/member_update`: absent leaves as it is, a budget of null clears."""

    organization_id: Identifier
    max_budget_in_organization: Money | None = None
    role: OrganizationRole | None = None


class OrganizationMemberDelete(UserReference):
    """Who is to leave which organization."""

    organization_id: Identifier
