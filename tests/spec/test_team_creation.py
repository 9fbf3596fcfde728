"""Creating a team: team-api.md 3.1, as far as the domain decides it."""

import pytest

from events.team import TeamCreated, TeamDeleted, TeamSettings
from services.command.domain.errors import (
    AlreadyExists,
    BudgetOrder,
    DomainError,
    NegativeLimit,
    TooLarge,
)
from services.command.domain.limits import MAX_SETTINGS_BYTES
from services.command.domain.team import CreateTeam, NewMember
from tests.support.decider import given, team_after
from tests.support.facts import budget, created, joined, limits, settings


def create(*members: NewMember, **values: object) -> CreateTeam:
    return CreateTeam("core", settings(**values), members)


def test_a_team_is_recorded_whole() -> None:
    command = create(
        team_alias="Core", budget=budget(100, 80, "30d"), models=["gpt"], metadata={"a": [1, None]}
    )
    given().when(command).then(TeamCreated(settings=command.settings))


def test_members_join_in_the_order_named_each_with_a_fact_of_his_own() -> None:
    command = create(NewMember("bob", "user"), NewMember("ann", "admin"))
    given().when(command).then(created(), joined("bob"), joined("ann", "admin"))


def test_d27_a_member_named_twice_joins_once_as_first_named() -> None:
    command = create(NewMember("ann", "admin"), NewMember("bob", "user"), NewMember("ann", "user"))
    given().when(command).then(created(), joined("ann", "admin"), joined("bob"))


NEGATIVE = "{} cannot be negative. Received: {}"
CHECKS: list[tuple[dict[str, object], type[DomainError], str]] = [
    ({"budget": budget(-1)}, NegativeLimit, NEGATIVE.format("max_budget", "-1.0")),
    (
        {"member_defaults": limits(max_budget="-0.5")},
        NegativeLimit,
        NEGATIVE.format("team_member_budget", "-0.5"),
    ),
    ({"budget": budget(soft=-2)}, NegativeLimit, NEGATIVE.format("soft_budget", "-2.0")),
    (
        {"budget": budget(50, "50.5")},
        BudgetOrder,
        "soft_budget (50.5) must be strictly lower than max_budget (50.0)",
    ),
    (
        {"limits": {"tpm_limit": -1, "rpm_limit": -1}},
        NegativeLimit,
        NEGATIVE.format("tpm_limit", "-1"),
    ),
    ({"limits": {"rpm_limit": -3}}, NegativeLimit, NEGATIVE.format("rpm_limit", "-3")),
    (
        {"member_defaults": limits(tpm_limit=-1, rpm_limit=-1)},
        NegativeLimit,
        NEGATIVE.format("team_member_tpm_limit", "-1"),
    ),
    (
        {"member_defaults": limits(rpm_limit=-1)},
        NegativeLimit,
        NEGATIVE.format("team_member_rpm_limit", "-1"),
    ),
]


@pytest.mark.parametrize(("wrong", "error", "text"), CHECKS)
def test_d33_amounts_that_make_no_sense_are_refused(
    wrong: dict[str, object], error: type[DomainError], text: str
) -> None:
    given().when(create(**wrong)).then_raises(error, text)


@pytest.mark.parametrize(("wrong", "error", "text"), CHECKS)
def test_amounts_are_judged_before_the_id(
    wrong: dict[str, object], error: type[DomainError], text: str
) -> None:
    given(created()).when(create(**wrong)).then_raises(error, text)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (
            {"budget": budget(-1, -1), "member_defaults": limits(max_budget=-1, tpm_limit=-1)},
            "max_budget",
        ),
        (
            {"budget": budget(1, -1), "member_defaults": limits(max_budget=-1, tpm_limit=-1)},
            "team_member_budget",
        ),
        (
            {"budget": budget(1, -1), "limits": {"tpm_limit": -1}},
            "soft_budget",
        ),
    ],
)
def test_the_first_negative_amount_in_the_contracts_order_is_named(
    wrong: dict[str, object], named: str
) -> None:
    outcome = given().when(create(**wrong))
    outcome.then_raises(NegativeLimit, NEGATIVE.format(named, "-1.0"))


def test_a_soft_budget_equal_to_the_budget_is_refused() -> None:
    given().when(create(budget=budget(50, 50))).then_raises(
        BudgetOrder, "soft_budget (50.0) must be strictly lower than max_budget (50.0)"
    )


@pytest.mark.parametrize(
    "right",
    [
        {"budget": budget(0)},
        {"budget": budget(soft=5)},
        {"budget": budget("0.01", 0)},
        {"limits": {"tpm_limit": 0, "rpm_limit": 0}},
        {"member_defaults": limits(max_budget=0, tpm_limit=0, rpm_limit=0)},
    ],
)
def test_zero_is_a_limit_like_any_other(right: dict[str, object]) -> None:
    given().when(create(**right)).then(created(**right))


def test_an_id_in_use_is_refused() -> None:
    given(created(team_alias="first")).when(create()).then_raises(AlreadyExists)


def test_an_alias_may_be_borne_by_many() -> None:
    given().when(create(team_alias="Core")).then(created(team_alias="Core"))


def test_the_id_of_a_deleted_team_begins_another_life() -> None:
    ended = [created(), joined("ann"), TeamDeleted(settings=TeamSettings(), members_total=1)]
    given(*ended).when(create(team_alias="again")).then(created(team_alias="again"))
    reborn = team_after(*ended, created(team_alias="again"))
    assert (reborn.incarnation, reborn.version, reborn.open) == (4, 4, True)
    assert (reborn.settings.team_alias, len(reborn.roster)) == ("again", 0)


def test_a_team_made_with_model_aliases_has_a_table_named_by_its_position() -> None:
    assert team_after(created(model_aliases={})).model_table_id == 1
    assert team_after(created()).model_table_id is None


def test_settings_that_would_not_fit_into_one_fact_are_refused() -> None:
    fits = settings(metadata={"a": "x" * (MAX_SETTINGS_BYTES - 1000)})
    given().when(CreateTeam("core", fits, [])).then(TeamCreated(settings=fits))
    given().when(create(metadata={"a": "x" * MAX_SETTINGS_BYTES})).then_raises(TooLarge)
