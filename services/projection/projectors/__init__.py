"""The projectors behind the contract's GETs: one group, one position, one transaction."""

from services.projection.projector import OpenSealed, Projector
from services.projection.projectors.audit import AuditProjector
from services.projection.projectors.budget_periods import BUDGET_PERIODS
from services.projection.projectors.budgets import BUDGETS
from services.projection.projectors.keys import KEYS
from services.projection.projectors.links import LINKS
from services.projection.projectors.memberships import MEMBERSHIPS
from services.projection.projectors.organization_members import ORGANIZATION_MEMBERS
from services.projection.projectors.organizations import ORGANIZATIONS
from services.projection.projectors.spend_marks import SPEND_MARKS
from services.projection.projectors.teams import TEAMS
from services.projection.projectors.users import UsersProjector
from services.projection.projectors.webhooks import WEBHOOKS

GROUP = "contract"


def contract_projectors(open_sealed: OpenSealed) -> list[Projector]:
    """All of them; `open_sealed` is asked for the personal data of users, once per batch."""
    of_organizations = [ORGANIZATIONS, ORGANIZATION_MEMBERS, BUDGETS]
    return [
        *(TEAMS, MEMBERSHIPS, UsersProjector(open_sealed), KEYS),
        *of_organizations,
        *(BUDGET_PERIODS, SPEND_MARKS, LINKS, WEBHOOKS),
        AuditProjector(),
    ]
