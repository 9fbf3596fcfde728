"""The things that all examples are about, shaped by the code that shapes answers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from events.budget import BudgetSettings
from events.key import KeySettings
from events.organization import OrganizationSettings
from events.team import TeamSettings
from events.user import UserSettings
from events.values import JsonObject, MemberLimits, RateLimits, TeamBudget
from events.webhook import WebhookSettings
from services.access.credentials import hash_key
from services.access.principal import MASTER_USER
from services.edge.openapi.callers import KEY, ORGANIZATION, TEAM
from services.edge.shapes import budget as budget_shapes
from services.edge.shapes import key as key_shapes
from services.edge.shapes import organization as organization_shapes
from services.edge.shapes import team as team_shapes
from services.edge.shapes import user as user_shapes
from services.edge.shapes.webhook import THRESHOLD_CROSSED, WebhookView

NOW = datetime(2026, 3, 11, 13, 27, 45, 491966, tzinfo=UTC)
USER, EMAIL = "ann", "ann@example.com"
MODEL, ALIAS = "gpt-4o", "ann-laptop"
BUDGET = "research-2026"
WEBHOOK, MESSAGE_ID = f"wh_{'0' * 31}1", "0195881f-5043-7000-8000-000000000001"
SIGNING_SECRET = "whsec_ZXhhbXBsZSBleGFtcGxlIGV4YW1wbGUgZXhhbXBsZQ=="  # noqa: S105 - of examples
WEBHOOK_VIEW = WebhookView(
    WEBHOOK,
    WebhookSettings(
        url="https://alerts.example.com/teamledger",
        description="on call",
        event_types=[THRESHOLD_CROSSED],
        team_ids=[TEAM],
    ),
    created_at=NOW,
    updated_at=NOW,
)

TEAM_VIEW = team_shapes.TeamView(
    team_id=TEAM,
    settings=TeamSettings(
        team_alias="Core",
        budget=TeamBudget(max_budget=Decimal(100), budget_duration="30d"),
        limits=RateLimits(tpm_limit=100_000),
        models=[MODEL],
    ).model_dump(mode="json"),
    members=[
        team_shapes.Member(MASTER_USER, None, "admin"),
        team_shapes.Member(USER, EMAIL, "user"),
    ],
    created_at=NOW,
    updated_at=NOW,
)
USER_VIEW = user_shapes.UserView(
    user_id=USER,
    settings=UserSettings(person="", user_role="internal_user").model_dump(mode="json"),
    email=EMAIL,
    alias=None,
    teams=[TEAM],
    created_at=NOW,
    updated_at=NOW,
    budget_since=NOW,
    version=1,
)
KEY_VIEW = key_shapes.KeyView(
    token=hash_key(KEY),
    settings=KeySettings(
        key_name=f"sk-...{KEY[-4:]}",
        key_alias=ALIAS,
        user_id=USER,
        team_id=TEAM,
        expires=NOW + timedelta(days=30),
        models=[MODEL],
        max_budget=Decimal(10),
        extra={"duration": "30d"},
    ).model_dump(mode="json"),
    created_at=NOW,
    created_by=MASTER_USER,
    updated_at=NOW,
    updated_by=MASTER_USER,
    budget_since=NOW,
)
BUDGET_VIEW = budget_shapes.BudgetView(
    budget_id=BUDGET,
    settings=BudgetSettings(
        max_budget=Decimal(500), tpm_limit=200_000, budget_duration="30d"
    ).model_dump(mode="json"),
    created_at=NOW,
    created_by=MASTER_USER,
    updated_at=NOW,
    updated_by=MASTER_USER,
    since=NOW,
)
ORGANIZATION_VIEW = organization_shapes.OrganizationView(
    organization_id=ORGANIZATION,
    settings=OrganizationSettings(
        organization_alias="Research", budget_id=BUDGET, models=[MODEL]
    ).model_dump(mode="json"),
    budget=BUDGET_VIEW,
    created_at=NOW,
    created_by=MASTER_USER,
    updated_at=NOW,
    updated_by=MASTER_USER,
)
_LIMITS = MemberLimits(
    budget_id="3f0f3e63-8e4e-4d6b-9a53-6c7b8f1f2f10", max_budget=Decimal(25)
).model_dump(mode="json")

_MEMBERSHIP = organization_shapes.MembershipView(
    user_id=USER,
    organization_id=ORGANIZATION,
    role="internal_user",
    limits=_LIMITS,
    created_at=NOW,
    updated_at=NOW,
)


def team() -> JsonObject:
    """The typed Team."""
    return team_shapes.team(TEAM_VIEW, NOW, UTC)


def team_row() -> JsonObject:
    """The untyped TeamRow."""
    return team_shapes.team_row(TEAM_VIEW, NOW, UTC, load_model_table=False)


def membership() -> JsonObject:
    """The user's membership of the team."""
    return team_shapes.membership(TEAM, USER, _LIMITS, TEAM_VIEW.settings)


def user() -> JsonObject:
    """The user."""
    return user_shapes.user(USER_VIEW, NOW, UTC)


def user_row() -> JsonObject:
    """The user as columns."""
    return user_shapes.user_row(USER_VIEW, NOW, UTC)


def key_row() -> JsonObject:
    """The key, with its hash."""
    return key_shapes.key_row(KEY_VIEW, NOW, UTC, with_token=True)


def added_members() -> JsonObject:
    """The team, to which the user was just added."""
    new = {"updated_users": [user()], "updated_team_memberships": [membership()]}
    return {**team(), **new}


def list_item() -> JsonObject:
    """The team with its memberships and keys."""
    admins = team_shapes.membership(TEAM, MASTER_USER, None, TEAM_VIEW.settings)
    return {**team(), "team_memberships": [admins, membership()], "keys": [key_row()]}


def budget_row() -> JsonObject:
    """The budget as columns."""
    return budget_shapes.budget_row(BUDGET_VIEW, NOW, UTC)


def organization() -> JsonObject:
    """The organization alone."""
    return organization_shapes.organization(ORGANIZATION_VIEW)


def organization_with(*members: JsonObject) -> JsonObject:
    """The organization with these members, without teams."""
    return organization_shapes.organization_with(ORGANIZATION_VIEW, list(members), [])


def member_of_organization() -> JsonObject:
    """The user's membership of the organization."""
    return organization_shapes.membership(_MEMBERSHIP)


def member_with_user() -> JsonObject:
    """The same, with the user."""
    shown = ("user_id", "user_email", "user_alias", "user_role", "created_at", "updated_at")
    told = {name: value for name, value in user().items() if name in shown}
    return organization_shapes.membership(_MEMBERSHIP, email=EMAIL, user=told)
