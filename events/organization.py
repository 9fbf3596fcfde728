"""Facts about an organization, stream `organization-{organization_id}`.

What an organization may spend is its budget's; what of its throughput it has handed out to teams
is its own, so that teams made at the same time cannot hand out more than there is.
"""

from typing import ClassVar, Literal

from events.registry import DomainEvent, fact
from events.values import JsonObject, MemberLimits, ObjectPermission, Value

OrganizationRole = Literal["org_admin", "internal_user", "internal_user_viewer"]


class OrganizationSettings(Value):
    """Everything an organization is, but for members and teams; `models` empty means all."""

    organization_alias: str
    budget_id: str
    models: list[str] = []
    metadata: JsonObject = {}
    object_permission: ObjectPermission | None = None


class Allowance(Value):
    """Throughput of one team: tokens and requests per minute, in all and by model."""

    tpm_limit: int | None = None
    rpm_limit: int | None = None
    model_tpm_limit: dict[str, int] = {}
    model_rpm_limit: dict[str, int] = {}


@fact("organization.created")
class OrganizationCreated(DomainEvent):
    begins_life: ClassVar[bool] = True

    settings: OrganizationSettings


@fact("organization.renamed")
class OrganizationRenamed(DomainEvent):
    before: str
    after: str


@fact("organization.budget_assigned")
class OrganizationBudgetAssigned(DomainEvent):
    before: str
    after: str


@fact("organization.models_changed")
class OrganizationModelsChanged(DomainEvent):
    before: list[str]
    after: list[str]


@fact("organization.metadata_changed")
class OrganizationMetadataChanged(DomainEvent):
    """Both sides hold only the keys that changed; a key absent from `after` is gone."""

    before: JsonObject
    after: JsonObject


@fact("organization.object_permission_changed")
class OrganizationObjectPermissionChanged(DomainEvent):
    before: ObjectPermission | None
    after: ObjectPermission | None


@fact("organization.member_added")
class OrganizationMemberAdded(DomainEvent):
    user_id: str
    role: OrganizationRole
    limits: MemberLimits | None = None


@fact("organization.member_role_changed")
class OrganizationMemberRoleChanged(DomainEvent):
    user_id: str
    before: OrganizationRole
    after: OrganizationRole


@fact("organization.member_budget_changed")
class OrganizationMemberBudgetChanged(DomainEvent):
    user_id: str
    before: MemberLimits | None
    after: MemberLimits | None


@fact("organization.member_removed")
class OrganizationMemberRemoved(DomainEvent):
    user_id: str
    role: OrganizationRole
    limits: MemberLimits | None = None


@fact("organization.allowance_changed")
class OrganizationAllowanceChanged(DomainEvent):
    """What a team of the organization takes of its throughput; None where it takes nothing."""

    team_id: str
    before: Allowance | None
    after: Allowance | None


@fact("organization.deleted")
class OrganizationDeleted(DomainEvent):
    """Its teams and memberships are void from here on; their own facts follow."""

    settings: OrganizationSettings


ATTRIBUTE_OF: dict[type[DomainEvent], str] = {
    OrganizationRenamed: "organization_alias",
    OrganizationBudgetAssigned: "budget_id",
    OrganizationModelsChanged: "models",
    OrganizationObjectPermissionChanged: "object_permission",
}
"""The OrganizationSettings attribute that a fact with `before` and `after` replaces whole."""
