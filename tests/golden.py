"""Golden files: `python -m tests.golden` writes one stored example of every fact.

A file `events/golden/<fact>/v<version>.json` is what some release has stored. It is never written
again: a fact whose shape changes gets a new version, an upcast and a new file beside the old one.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import orjson

from events import (
    alert,
    audit,
    budget,
    dead_letters,
    imported,
    key,
    organization,
    quarantine,
    reservation,
    spend,
    team,
    user,
    webhook,
)
from events.envelope import Envelope, Meta, encode
from events.registry import DomainEvent, Json, known_facts
from events.streams import BUDGET as BUDGET_KIND
from events.streams import (
    DEAD_LETTERS,
    EMAIL,
    KEY,
    ORGANIZATION,
    QUARANTINE,
    SPEND,
    TEAM,
    USER,
    WEBHOOK,
    stream,
)
from events.values import (
    Callback,
    CallbackVariable,
    MemberLimits,
    ObjectPermission,
    RateLimits,
    Sealed,
    TeamBudget,
)

GOLDEN = Path(__file__).parents[1] / "events/golden"
MOMENT = datetime(2026, 3, 11, 13, 27, 45, 123456, tzinfo=UTC)
SEALED = Sealed(person="p-8d3f", box="bm9uY2UuLi5hbm5AZXhhbXBsZS5jb20=")

BUDGET = TeamBudget(max_budget=Decimal("100.50"), soft_budget=Decimal(80), budget_duration="30d")
RATES = RateLimits(tpm_limit=1000, rpm_limit=10)
LIMITS = MemberLimits(
    budget_id="team-Core-budget-1",
    max_budget=Decimal("0.000000000000000001"),
    tpm_limit=100,
    rpm_limit=1,
    budget_duration="1mo",
)
PERMISSION = ObjectPermission(object_permission_id="o-1", permissions={"agents": ["a"]})
CALLBACK = Callback(
    callback_name="langfuse",
    callback_type="success",
    variables={
        "langfuse_host": CallbackVariable(shown="https://langfuse.example.com"),
        "langfuse_secret_key": CallbackVariable(shown="sk-l****cdef", secret=SEALED),
    },
)
TEAM_SETTINGS = team.TeamSettings(
    team_alias="Core",
    organization_id="acme",
    admins=["ann"],
    members=[{"user_id": "bob"}],
    metadata={"cost_center": "42", "nested": {"a": [1, 2.5, None, True]}, "tags": ["x"]},
    budget=BUDGET,
    limits=RATES,
    models=["gpt-4o"],
    blocked=True,
    model_aliases={"fast": "gpt-4o"},
    object_permission=PERMISSION,
    router_settings={"num_retries": 2},
    access_group_ids=["group"],
    member_permissions=["/key/generate"],
    member_defaults=LIMITS,
    callbacks=[CALLBACK],
)
KEY_SETTINGS = key.KeySettings(
    key_name="sk-...abcd",
    key_alias="production",
    user_id="ann",
    team_id="core",
    team_incarnation=1,
    member_since=2,
    organization_id="acme",
    expires=MOMENT,
    blocked=False,
    models=["gpt-4o"],
    allowed_routes=["/team/info"],
    max_budget=Decimal(5),
    soft_budget=Decimal("4.5"),
    budget_duration="7d",
    limits=RATES,
    max_parallel_requests=3,
    metadata={"tags": ["x"]},
    extra={"key_type": "default"},
)
SUCCESSION = key.Succession(
    token="77d0b1c2", created_at=MOMENT, created_by="ann", budget_since=MOMENT, rotations=1
)
OWNER = key.owner_of(KEY_SETTINGS)
KEY_BUDGET = key.budget_of(KEY_SETTINGS)
KEY_LIMITS = key.limits_of(KEY_SETTINGS)
USER_SETTINGS = user.UserSettings(
    person="p-8d3f",
    email=SEALED,
    email_claim="5f2c",
    user_alias=SEALED,
    user_role="internal_user",
    max_budget=Decimal(5),
    budget_duration="7d",
    limits=RATES,
    max_parallel_requests=3,
    models=["gpt-4o"],
    metadata={"cost_center": "42"},
    extra={"sso_user_id": "s-1"},
)

USER_BUDGET = user.budget_of(USER_SETTINGS)
USER_LIMITS = user.limits_of(USER_SETTINGS)
ORGANIZATION_SETTINGS = organization.OrganizationSettings(
    organization_alias="Acme",
    budget_id="acme-budget",
    models=["gpt-4o"],
    metadata={"model_rpm_limit": {"gpt-4o": 10}},
    object_permission=PERMISSION,
)
ALLOWANCE = organization.Allowance(
    tpm_limit=1000, rpm_limit=10, model_tpm_limit={"gpt-4o": 500}, model_rpm_limit={"gpt-4o": 5}
)
SHARED_BUDGET = budget.BudgetSettings(
    max_budget=Decimal("100.50"),
    soft_budget=Decimal(80),
    max_parallel_requests=3,
    tpm_limit=1000,
    rpm_limit=10,
    model_max_budget={"gpt-4o": {"max_budget": 1.5}},
    budget_duration="30d",
    budget_reset_at=MOMENT,
)

_TEAM_FACTS: list[DomainEvent] = [
    team.TeamCreated(settings=TEAM_SETTINGS),
    team.TeamRenamed(before="Core", after=None),
    team.TeamMovedToOrganization(before=None, after="acme"),
    team.TeamBudgetChanged(before=BUDGET, after=BUDGET.model_copy(update={"soft_budget": None})),
    team.TeamRateLimitsChanged(before=RATES, after=RATES.model_copy(update={"rpm_limit": None})),
    team.TeamModelsChanged(before=[], after=["gpt-4o"]),
    team.TeamModelAliasesChanged(before=None, after={"fast": "gpt-4o"}),
    team.TeamMetadataChanged(before={"tags": ["x"]}, after={"tags": ["y"], "own": None}),
    team.TeamObjectPermissionChanged(before=None, after=PERMISSION),
    team.TeamRouterSettingsChanged(before={}, after={"num_retries": 2}),
    team.TeamAccessGroupsChanged(before=["group"], after=[]),
    team.TeamMemberDefaultsChanged(before=None, after=LIMITS),
    team.MemberPermissionsChanged(before=[], after=["/key/generate"]),
    team.TeamCallbacksChanged(before=[], after=[CALLBACK]),
    team.TeamBlocked(),
    team.TeamUnblocked(),
    team.MemberAdded(user_id="ann", role="admin", limits=LIMITS),
    team.MemberRoleChanged(user_id="ann", before="admin", after="user"),
    team.MemberBudgetChanged(user_id="ann", before=LIMITS, after=None),
    team.MemberRemoved(user_id="ann", role="user", limits=LIMITS),
    team.TeamDeleted(settings=TEAM_SETTINGS, members_total=2),
    team.TeamRestored(settings=TEAM_SETTINGS, members_total=2, keys=True),
    team.MembersRestored(members=[team.RestoredMember(user_id="ann", role="admin", limits=LIMITS)]),
]
_USER_FACTS: list[DomainEvent] = [
    user.UserCreated(settings=USER_SETTINGS, implicit=True),
    user.UserEmailChanged(before=None, after=SEALED, before_claim=None, after_claim="5f2c"),
    user.UserRenamed(before=None, after=SEALED),
    user.UserRoleChanged(before="internal_user", after="proxy_admin_viewer"),
    user.UserBudgetChanged(
        before=USER_BUDGET, after=USER_BUDGET.model_copy(update={"max_budget": None})
    ),
    user.UserLimitsChanged(
        before=USER_LIMITS, after=USER_LIMITS.model_copy(update={"rpm_limit": None})
    ),
    user.UserModelsChanged(before=[], after=["gpt-4o"]),
    user.UserMetadataChanged(before={"cost_center": "42"}, after={}),
    user.UserDetailsChanged(before={}, after={"sso_user_id": "s-1"}),
    user.UserDeleted(settings=USER_SETTINGS),
    user.UserForgotten(persons=["c-5f2c", "p-8d3f"]),
]
_ORGANIZATION_FACTS: list[DomainEvent] = [
    organization.OrganizationCreated(settings=ORGANIZATION_SETTINGS),
    organization.OrganizationRenamed(before="Acme", after="Acme Ltd"),
    organization.OrganizationBudgetAssigned(before="acme-budget", after="shared"),
    organization.OrganizationModelsChanged(before=["gpt-4o"], after=[]),
    organization.OrganizationMetadataChanged(before={"a": 1}, after={"b": None}),
    organization.OrganizationObjectPermissionChanged(before=None, after=PERMISSION),
    organization.OrganizationMemberAdded(user_id="ann", role="org_admin", limits=LIMITS),
    organization.OrganizationMemberRoleChanged(
        user_id="ann", before="org_admin", after="internal_user"
    ),
    organization.OrganizationMemberBudgetChanged(user_id="ann", before=LIMITS, after=None),
    organization.OrganizationMemberRemoved(user_id="ann", role="internal_user", limits=LIMITS),
    organization.OrganizationAllowanceChanged(team_id="core", before=None, after=ALLOWANCE),
    organization.OrganizationDeleted(settings=ORGANIZATION_SETTINGS),
]
_BUDGET_FACTS: list[DomainEvent] = [
    budget.BudgetCreated(settings=SHARED_BUDGET),
    budget.BudgetChanged(
        before=SHARED_BUDGET, after=SHARED_BUDGET.model_copy(update={"max_budget": None})
    ),
    budget.BudgetDeleted(settings=SHARED_BUDGET),
]
_KEY_FACTS: list[DomainEvent] = [
    key.KeyGenerated(settings=KEY_SETTINGS, succeeds=SUCCESSION),
    key.KeyRenamed(before="production", after=None),
    key.KeyMoved(before=OWNER, after=OWNER.model_copy(update={"team_id": None})),
    key.KeyBudgetChanged(
        before=KEY_BUDGET, after=KEY_BUDGET.model_copy(update={"soft_budget": None})
    ),
    key.KeyLimitsChanged(before=KEY_LIMITS, after=KEY_LIMITS.model_copy(update={"rpm_limit": 5})),
    key.KeyModelsChanged(before=["gpt-4o"], after=[]),
    key.KeyRoutesChanged(before=[], after=["/team/info"]),
    key.KeyExpiryChanged(before=MOMENT, after=None),
    key.KeyMetadataChanged(before={"tags": ["x"]}, after={"tags": ["y"], "own": None}),
    key.KeyDetailsChanged(before={"key_type": "default"}, after={}),
    key.KeyBlocked(),
    key.KeyUnblocked(),
    key.KeyRotated(settings=KEY_SETTINGS, successor="91c3a1f0", until=MOMENT),
    key.KeyDeleted(settings=KEY_SETTINGS, cause="member"),
    key.KeyRestored(settings=KEY_SETTINGS),
]
_NAME_FACTS: list[DomainEvent] = [
    reservation.NameReserved(holder="ann"),
    reservation.NameReleased(holder="ann"),
]
_MEMBER_SPEND: list[DomainEvent] = [
    spend.SpendOpened(
        kind="member", id="core", user_id="ann", incarnation=1, amount=Decimal("12.5"), as_of=MOMENT
    ),
    spend.SpendReset(
        kind="member",
        id="core",
        user_id="ann",
        incarnation=1,
        before=Decimal("12.5"),
        amount=Decimal("0.000000000000000001"),
        reason="billed by mistake",
    ),
]
_ALL_SPEND = spend.SpendResetEverywhere(kinds=["key", "team"], reason="a new year")
_WAITED = quarantine.Waited(
    source="eu",
    request_id="chatcmpl-1",
    reason="began more than 35 days before it was reported",
    received_at=MOMENT,
    usage={"id": "chatcmpl-1", "model": "gpt-4o", "cost": "0.0000135", "tags": ["x"]},
)
_IMPORTED = imported.ThingImported(
    source="litellm",
    table="LiteLLM_DeletedTeamTable",
    id="row-1",
    digest="5f2c",
    created_at=MOMENT,
    created_by="ann",
    updated_at=MOMENT,
    updated_by="bob",
    deleted_at=MOMENT,
    deleted_by="bob",
    deleted_by_key="2ab06cfa",
)
_CROSSED = alert.BudgetThresholdCrossed(
    kind="key",
    id="2ab06cfa",
    incarnation=1,
    percent=80,
    budget=Decimal("100.50"),
    spend=Decimal("80.4000000000000001"),
    since=MOMENT,
    window_start=MOMENT,
    window_end=MOMENT.replace(month=4),
    user_id="ann",
    key_alias="ann's",
    team_id="core",
    team_alias="Core",
    organization_id="acme",
    organization_alias="Acme",
)
_POSTED = webhook.WebhookSettings(
    url="https://alerts.example.com/teamledger",
    description="on call",
    event_types=["budget.threshold_crossed"],
    team_ids=["core"],
    enabled=True,
)
_WEBHOOK_FACTS: list[DomainEvent] = [
    webhook.WebhookCreated(settings=_POSTED, secret=SEALED),
    webhook.WebhookChanged(before=_POSTED, after=_POSTED.model_copy(update={"enabled": False})),
    webhook.WebhookSecretRotated(before=SEALED, after=SEALED, previous_until=MOMENT),
    webhook.WebhookDisabled(reason="410 Gone"),
    webhook.WebhookTested(message_id="01958563-23f0-7000-8000-000000000003"),
    webhook.WebhookDeliveryRequested(message_id="01958563-23f0-7000-8000-000000000003"),
    webhook.WebhookDeleted(settings=_POSTED),
]
_COPY_FACTS: list[DomainEvent] = [
    audit.AuditExported(
        form="csv", filters={"action": "deleted", "changed_by": SEALED}, until=41, entries=7
    ),
    audit.AuditArchived(before=MOMENT, until=41, leaves=43, root="5f2c", sha256="2ab06cfa"),
    audit.AccessReviewed(form="csv", as_of=MOMENT, until=41, organizations=["acme"], entries=7),
]
EXAMPLES: list[tuple[str, DomainEvent]] = [
    *((stream(TEAM, "core"), fact) for fact in _TEAM_FACTS),
    *((stream(USER, "ann"), fact) for fact in _USER_FACTS),
    *((stream(KEY, "2ab06cfa"), fact) for fact in _KEY_FACTS),
    *((stream(ORGANIZATION, "acme"), fact) for fact in _ORGANIZATION_FACTS),
    *((stream(BUDGET_KIND, "acme-budget"), fact) for fact in _BUDGET_FACTS),
    *((stream(EMAIL, "5f2c"), fact) for fact in _NAME_FACTS),
    (stream(TEAM, "core"), _IMPORTED),
    *((stream(SPEND, "member-core/ann"), fact) for fact in _MEMBER_SPEND),
    (spend.EVERYWHERE, _ALL_SPEND),
    (
        stream(QUARANTINE, "5f2c"),
        quarantine.QuarantineBooked(waited=_WAITED, started_at=MOMENT),
    ),
    (stream(QUARANTINE, "5f2c"), quarantine.QuarantineDiscarded(waited=_WAITED)),
    (
        stream(DEAD_LETTERS, "teamledger.usage.v1"),
        dead_letters.DeadLettersReplayed(
            topic_id="01958563-23f0-7000-8000-000000000004", source="kafka", letters=["7:41"]
        ),
    ),
    (alert.alert_stream("key", "2ab06cfa", 1, "", MOMENT), _CROSSED),
    *((stream(WEBHOOK, "wh-1"), fact) for fact in _WEBHOOK_FACTS),
    *((audit.COPIES, fact) for fact in _COPY_FACTS),
]
"""A stream and a fact with every field given; versions are the newest of this build."""

META = Meta(
    command_id="01958563-23f0-7000-8000-000000000001",
    command="AddMember",
    actor="default_user_id",
    actor_key="88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    actor_role="proxy_admin",
    on_behalf_of=SEALED,
    client=SEALED,
    correlation_id="req-1",
    causation_id="01958563-23f0-7000-8000-000000000000",
)
AT = Envelope(
    originator_id="",
    originator_version=7,
    position=42,
    event_id="01958563-23f0-7000-8000-000000000002",
    recorded_at=MOMENT,
    incarnation=5,
    index=1,
    count=3,
    meta=META,
    event=team.TeamBlocked(),
)


def golden(name: str, fact: DomainEvent) -> Json:
    """A row of the event store, its state as JSON that can be read."""
    topic, state = encode(replace(AT, originator_id=name, event=fact))
    return {
        "stream": name,
        "version": AT.originator_version,
        "position": AT.position,
        "topic": topic,
        "state": orjson.loads(state),
    }


def write(folder: Path) -> Iterator[str]:
    """Write what is missing; yields why a file cannot be written as it would have to be."""
    without = {cls.type_name for cls in known_facts()} - {f.type_name for _, f in EXAMPLES}
    yield from (f"{name}: no example in tests/golden.py" for name in sorted(without))
    for name, fact in EXAMPLES:
        path = folder / fact.type_name / f"v{fact.schema_version}.json"
        content = orjson.dumps(golden(name, fact), option=orjson.OPT_INDENT_2) + b"\n"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        elif path.read_bytes() != content:
            yield f"{path.relative_to(folder)}: is stored like that; give the fact a new version"


if __name__ == "__main__":
    sys.exit("\n".join(write(GOLDEN)) or 0)
