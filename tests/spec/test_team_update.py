"""Updating a team: team-api.md 3.2. Absent is unchanged, null clears, repeating is no news."""

from datetime import timedelta
from typing import Any

import pytest

from events.registry import DomainEvent
from events.team import (
    MemberPermissionsChanged,
    TeamAccessGroupsChanged,
    TeamBlocked,
    TeamBudgetChanged,
    TeamDeleted,
    TeamMemberDefaultsChanged,
    TeamModelAliasesChanged,
    TeamModelsChanged,
    TeamMovedToOrganization,
    TeamObjectPermissionChanged,
    TeamRateLimitsChanged,
    TeamRenamed,
    TeamRouterSettingsChanged,
    TeamSettings,
    TeamUnblocked,
)
from events.values import ObjectPermission, RateLimits
from services.command.domain.errors import BudgetOrder, NegativeLimit, NotFound
from services.command.domain.team import UpdateTeam
from services.command.domain.team_update import revised
from tests.support.decider import given, team_after
from tests.support.eventlog import START
from tests.support.facts import budget, created, limits, settings, usd

FULL = created(
    team_alias="Core",
    organization_id="acme",
    budget=budget(100, 80, "30d"),
    limits={"tpm_limit": 1000, "rpm_limit": 10},
    models=["gpt"],
    model_aliases={"fast": "gpt"},
    metadata={"own": 1, "tags": ["a"], "guardrails": ["g"]},
    object_permission=ObjectPermission(object_permission_id="o", permissions={"agents": ["x"]}),
    router_settings={"retries": 1},
    access_group_ids=["group"],
    member_permissions=["/key/info"],
    member_defaults=limits("shared", max_budget=5, tpm_limit=7, budget_duration="30d"),
)
PERMISSION = FULL.settings.object_permission


def change(**changes: Any) -> UpdateTeam:  # noqa: ANN401
    return UpdateTeam("core", changes)


CHANGES: list[tuple[str, Any, DomainEvent]] = [
    ("team_alias", "New", TeamRenamed(before="Core", after="New")),
    ("organization_id", "other", TeamMovedToOrganization(before="acme", after="other")),
    (
        "budget",
        {"max_budget": usd(90)},
        TeamBudgetChanged(before=budget(100, 80, "30d"), after=budget(90, 80, "30d")),
    ),
    (
        "limits",
        {"rpm_limit": 20},
        TeamRateLimitsChanged(
            before=RateLimits(tpm_limit=1000, rpm_limit=10),
            after=RateLimits(tpm_limit=1000, rpm_limit=20),
        ),
    ),
    ("models", ["gpt", "llama"], TeamModelsChanged(before=["gpt"], after=["gpt", "llama"])),
    (
        "model_aliases",
        {"slow": "llama"},
        TeamModelAliasesChanged(before={"fast": "gpt"}, after={"slow": "llama"}),
    ),
    (
        "router_settings",
        {"retries": 2},
        TeamRouterSettingsChanged(before={"retries": 1}, after={"retries": 2}),
    ),
    ("access_group_ids", ["b"], TeamAccessGroupsChanged(before=["group"], after=["b"])),
    (
        "member_permissions",
        ["/key/list"],
        MemberPermissionsChanged(before=["/key/info"], after=["/key/list"]),
    ),
    ("blocked", True, TeamBlocked()),
]


@pytest.mark.parametrize(("attribute", "value", "fact"), CHANGES)
def test_each_change_is_a_fine_fact_with_before_and_after(
    attribute: str, value: object, fact: DomainEvent
) -> None:
    given(FULL).when(change(**{attribute: value})).then(fact)
    result = revised(FULL.settings, {attribute: value})
    assert team_after(FULL, fact).settings == result


@pytest.mark.parametrize(("attribute", "value", "fact"), CHANGES)
def test_repeating_a_change_is_no_news(attribute: str, value: object, fact: DomainEvent) -> None:
    given(FULL, fact).when(change(**{attribute: value})).then()


def test_an_update_that_says_nothing_records_nothing() -> None:
    given(FULL).when(change()).then()


def test_several_changes_are_several_facts() -> None:
    given(FULL).when(change(team_alias="New", models=[])).then(
        TeamRenamed(before="Core", after="New"), TeamModelsChanged(before=["gpt"], after=[])
    )


def test_a_blocked_team_may_be_unblocked_by_an_update() -> None:
    given(FULL, TeamBlocked()).when(change(blocked=False)).then(TeamUnblocked())


@pytest.mark.parametrize(
    "facts", [(), (FULL, TeamDeleted(settings=FULL.settings, members_total=0))]
)
def test_an_unknown_or_deleted_team_is_not_found(facts: tuple[DomainEvent, ...]) -> None:
    given(*facts).when(change(team_alias="New")).then_raises(NotFound)


NEGATIVE = [
    ("max_budget", {"budget": {"max_budget": usd(-1), "soft_budget": usd(-1)}}, "-1.0"),
    (
        "team_member_budget",
        {"budget": {"soft_budget": usd(-1)}, "member_defaults": {"max_budget": usd(-1)}},
        "-1.0",
    ),
    ("soft_budget", {"budget": {"soft_budget": usd(-1)}, "limits": {"tpm_limit": -1}}, "-1.0"),
    ("tpm_limit", {"limits": {"tpm_limit": -1, "rpm_limit": -1}}, "-1"),
    ("rpm_limit", {"limits": {"rpm_limit": -1}}, "-1"),
    ("team_member_tpm_limit", {"member_defaults": {"tpm_limit": -1, "rpm_limit": -1}}, "-1"),
    ("team_member_rpm_limit", {"member_defaults": {"rpm_limit": -1}}, "-1"),
]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("field", "changes", "shown"), NEGATIVE)
def test_d33_negative_amounts_are_refused_before_the_team_is_looked_for(
    field: str, changes: dict[str, Any], shown: str, *, known: bool
) -> None:
    facts = [FULL] if known else []
    given(*facts).when(change(**changes)).then_raises(
        NegativeLimit, f"{field} cannot be negative. Received: {shown}"
    )


LOWER = "soft_budget ({}) must be strictly lower than max_budget ({})"
GREATER = "max_budget ({}) must be strictly greater than soft_budget ({})"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"soft_budget": usd(100)}, LOWER.format("100.0", "100.0")),
        ({"soft_budget": usd(120)}, LOWER.format("120.0", "100.0")),
        ({"max_budget": usd(80)}, GREATER.format("80.0", "80.0")),
        ({"max_budget": usd(50)}, GREATER.format("50.0", "80.0")),
        ({"max_budget": usd(20), "soft_budget": usd(20)}, LOWER.format("20.0", "20.0")),
    ],
)
def test_budgets_are_compared_as_sent_or_stored(sent: dict[str, Any], text: str) -> None:
    given(FULL).when(change(budget=sent)).then_raises(BudgetOrder, text)


def test_both_budgets_may_move_at_once() -> None:
    moved = change(budget={"max_budget": usd(20), "soft_budget": usd(10)})
    given(FULL).when(moved).then(
        TeamBudgetChanged(before=budget(100, 80, "30d"), after=budget(20, 10, "30d"))
    )


def test_clearing_the_budget_lifts_the_order() -> None:
    given(FULL).when(change(budget={"max_budget": None})).then(
        TeamBudgetChanged(before=budget(100, 80, "30d"), after=budget(None, 80, "30d"))
    )


CLEARED: list[tuple[str, Any, Any]] = [
    ("team_alias", None, None),
    ("organization_id", None, None),
    ("budget", {"max_budget": None, "soft_budget": None, "budget_duration": None}, budget()),
    ("limits", {"tpm_limit": None, "rpm_limit": None}, RateLimits()),
    ("models", [], []),
    ("model_aliases", None, None),
    ("object_permission", None, None),
    ("router_settings", {}, {}),
    ("access_group_ids", [], []),
    ("member_permissions", [], []),
    ("member_defaults", {"budget_id": "new", "max_budget": None, "tpm_limit": None}, None),
    ("metadata", (None, {"own": None, "tags": None, "guardrails": None}), {}),
]


@pytest.mark.parametrize(("attribute", "sent", "left"), CLEARED)
def test_d31_null_clears(attribute: str, sent: object, left: object) -> None:
    outcome = given(FULL).when(change(**{attribute: sent}))
    assert len(outcome.facts) == 1
    assert getattr(team_after(FULL, *outcome.facts).settings, attribute) == left


def test_d11_member_defaults_do_not_touch_metadata() -> None:
    given(FULL).when(change(member_defaults={"budget_id": "new", "max_budget": usd(6)})).then(
        TeamMemberDefaultsChanged(
            before=FULL.settings.member_defaults,
            after=limits("shared", max_budget=6, tpm_limit=7, budget_duration="30d"),
        )
    )


def test_what_may_be_used_is_merged_under_the_id_it_has() -> None:
    sent = ObjectPermission(object_permission_id="drawn", permissions={"vector_stores": ["v"]})
    merged = ObjectPermission(
        object_permission_id="o", permissions={"agents": ["x"], "vector_stores": ["v"]}
    )
    given(FULL).when(change(object_permission=sent)).then(
        TeamObjectPermissionChanged(before=PERMISSION, after=merged)
    )
    given(created()).when(change(object_permission=sent)).then(
        TeamObjectPermissionChanged(before=None, after=sent)
    )


def test_member_defaults_are_changed_in_part_under_the_id_they_have() -> None:
    given(FULL).when(change(member_defaults={"budget_id": "drawn", "tpm_limit": None})).then(
        TeamMemberDefaultsChanged(
            before=FULL.settings.member_defaults,
            after=limits("shared", max_budget=5, budget_duration="30d"),
        )
    )


def test_d37_new_member_defaults_have_no_duration_but_their_own() -> None:
    team = created(budget=budget(100, None, "7d"))
    for own in (None, "1d"):
        sent = {"budget_id": "drawn", "max_budget": usd(5), "budget_duration": own}
        wanted = limits("drawn", max_budget=5, budget_duration=own)
        given(team).when(change(member_defaults=sent)).then(
            TeamMemberDefaultsChanged(before=None, after=wanted)
        )


def test_d38_only_a_changed_duration_restarts_the_window() -> None:
    repeated = given(FULL).when(change(budget={"budget_duration": "30d"}))
    repeated.then()
    renewed = TeamBudgetChanged(before=budget(100, 80, "30d"), after=budget(100, 80, "7d"))
    raised = TeamBudgetChanged(before=budget(100, 80, "30d"), after=budget(200, 80, "30d"))
    given(FULL).when(change(budget={"budget_duration": "7d"})).then(renewed)
    began, then = START + timedelta(seconds=1), START + timedelta(seconds=2)
    assert team_after(FULL).budget_since == began
    assert team_after(FULL, raised).budget_since == began
    assert team_after(FULL, renewed).budget_since == then


def test_d38_null_ends_the_windows() -> None:
    cleared = TeamBudgetChanged(before=budget(100, 80, "30d"), after=budget(100, 80))
    given(FULL).when(change(budget={"budget_duration": None})).then(cleared)
    assert team_after(FULL, cleared).settings.budget.budget_duration is None


def test_changing_aliases_keeps_the_number_of_their_table() -> None:
    changed = TeamModelAliasesChanged(before={"fast": "gpt"}, after={})
    assert team_after(FULL, TeamBlocked(), changed).model_table_id == 1
    first = TeamModelAliasesChanged(before=None, after={"a": "b"})
    assert team_after(created(), TeamBlocked(), first).model_table_id == 3


def test_settings_that_nobody_mentioned_stay() -> None:
    kept = revised(FULL.settings, {"team_alias": "New"})
    assert kept == settings(**{**dict(FULL.settings), "team_alias": "New"})
    assert revised(TeamSettings(), {}) == TeamSettings()
