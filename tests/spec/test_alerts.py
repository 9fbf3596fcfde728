"""Each threshold of a budget is told of once for each window and amount (decision 015)."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from events.alert import BudgetThresholdCrossed, alert_stream
from events.budget import BudgetChanged
from events.key import KeyBudget, KeyBudgetChanged, KeyRotated, Succession
from events.registry import DomainEvent
from events.spend import SpendReset, spend_stream
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER, Stream, stream
from events.team import MemberRemoved, TeamBlocked, TeamBudgetChanged, TeamDeleted
from services.command.application.alerts import Stretch
from services.command.domain.alert import (
    BudgetWindow,
    Crossed,
    Names,
    Threshold,
    cross,
    left,
    thresholds,
)
from services.spend.budgets import Account
from tests.support.alerts import Watched
from tests.support.eventlog import START
from tests.support.facts import (
    budget,
    budget_created,
    budget_settings,
    created,
    entered,
    generated,
    joined,
    limits,
    organization_created,
    settings,
    usd,
    user_created,
)

CORE = stream(TEAM, "core")
TEAM_ACCOUNT = Account("team", "core", 1)
NEXT_DAY = START + timedelta(days=1)
WINDOW = BudgetWindow("team", "core", 1, START, START, NEXT_DAY, Names(team_id="core"))


def team_of(maximum: str | None, soft: str | None = None, duration: str | None = "1d") -> Watched:
    watched = Watched()
    watched.record((CORE, created(team_alias="Core", budget=budget(maximum, soft, duration))))
    return watched


# --- the rule -------------------------------------------------------------------------------


def percents(crossed: Crossed, spend: str, maximum: str = "100") -> list[int | None]:
    wanted = thresholds(usd(maximum), None, (80, 90, 100))
    facts = cross(crossed, WINDOW, wanted, usd(spend))
    return [fact.percent for fact in facts if isinstance(fact, BudgetThresholdCrossed)]


@pytest.mark.parametrize(
    ("spend", "told"),
    [
        ("0", []),
        ("79.999999999999999999", []),
        ("80", [80]),
        ("99.99", [80, 90]),
        ("100", [80, 90, 100]),
        ("1000", [80, 90, 100]),
        ("-5", []),
    ],
)
def test_a_threshold_is_reached_to_the_last_digit(spend: str, told: list[int]) -> None:
    assert percents(Crossed(), spend) == told


def test_what_was_told_is_not_told_again() -> None:
    told = Crossed(told=frozenset({Threshold(80, usd(100)), Threshold(90, usd("100.0"))}))
    assert percents(told, "95") == []
    assert percents(told, "100") == [100]


def test_another_amount_is_another_threshold() -> None:
    assert percents(Crossed(told=frozenset({Threshold(80, usd(100))})), "160", "200") == [80]


@pytest.mark.parametrize("maximum", ["0", "-1"])
def test_nobody_comes_near_to_a_budget_of_nothing(maximum: str) -> None:
    assert percents(Crossed(), "0", maximum) == percents(Crossed(), "7", maximum) == []


def test_there_is_nothing_to_ask_for_once_all_was_told() -> None:
    wanted = thresholds(usd(10), usd(5), (80,))
    assert wanted == [Threshold(None, usd(5)), Threshold(80, usd(10))]
    assert left(Crossed(told=frozenset(wanted)), wanted) == []


def test_streams_of_different_things_are_different() -> None:
    streams = {
        alert_stream("team", "a", 1, "", None),
        alert_stream("team", "a", 2, "", None),
        alert_stream("team", "a", 1, "", START),
        alert_stream("member", "a", 1, "b", None),
        alert_stream("member", "a/b", 1, "", None),
        alert_stream("member", "a", 1, "b@1/ever", None),
        alert_stream("team", "a@1/ever", 1, "", None),
    }
    assert len(streams) == 7


# --- with what was set, and what was called ---------------------------------------------------


async def test_a_fact_tells_what_was_spent_of_how_much_and_in_which_window() -> None:
    watched = team_of("10", "5")
    await watched.called(TEAM_ACCOUNT, START, "8.5")
    begun = START.replace(hour=0, minute=0, second=0, microsecond=0)
    soft, eighty = watched.told
    assert (soft.percent, soft.budget, eighty.percent, eighty.budget) == (None, usd(5), 80, usd(10))
    assert {fact.spend for fact in watched.told} == {Decimal("8.5")}
    assert (eighty.kind, eighty.id, eighty.incarnation) == ("team", "core", 1)
    assert (eighty.team_id, eighty.team_alias, eighty.user_id) == ("core", "Core", None)
    assert (eighty.since, eighty.window_start) == (begun, begun)
    assert eighty.window_end == begun + timedelta(days=1)


async def test_it_is_told_once_however_often_somebody_looks() -> None:
    watched = team_of("10")
    await watched.called(TEAM_ACCOUNT, START, "8")
    for usd_ in ("0.1", "0.2", "0.3"):
        await watched.called(TEAM_ACCOUNT, START, usd_)
    await watched.look(Stretch(TEAM_ACCOUNT, START, START))
    assert watched.percents == [80]


async def test_the_next_window_tells_again() -> None:
    watched = team_of("10")
    await watched.called(TEAM_ACCOUNT, START, "9.5")
    await watched.called(TEAM_ACCOUNT, NEXT_DAY, "8")
    assert watched.percents == [80, 90, 80]


async def test_a_late_call_is_told_of_in_the_window_it_belongs_to() -> None:
    watched = team_of("10")
    await watched.called(TEAM_ACCOUNT, NEXT_DAY, "1")
    await watched.called(TEAM_ACCOUNT, START, "8")
    [late] = watched.told
    assert late.window_start is not None
    assert late.window_start <= START < late.window_start + timedelta(days=1)


async def test_all_windows_of_a_stretch_are_looked_at() -> None:
    watched = team_of("10", duration="30s")
    last = START + timedelta(minutes=10)
    middle = START + timedelta(minutes=5)
    watched.calls += [(TEAM_ACCOUNT, moment, usd(8)) for moment in (START, middle, last)]
    await watched.look(Stretch(TEAM_ACCOUNT, START, last))
    assert watched.percents == [80, 80, 80]


async def test_a_window_without_end_tells_once_for_ever() -> None:
    watched = team_of("10", duration=None)
    await watched.called(TEAM_ACCOUNT, START, "8")
    await watched.called(TEAM_ACCOUNT, START + timedelta(days=400), "1.5")
    assert watched.percents == [80, 90]
    assert {fact.window_start for fact in watched.told} == {None}


async def test_a_raised_budget_is_news_and_one_set_back_is_not() -> None:
    watched = team_of("10")
    await watched.called(TEAM_ACCOUNT, START, "8")
    for before, after in (("10", "20"), ("20", "10")):
        change = TeamBudgetChanged(
            before=budget(before, None, "1d"), after=budget(after, None, "1d")
        )
        watched.record((CORE, change))
        await watched.look(Stretch(TEAM_ACCOUNT, START, START))
    assert watched.percents == [80]
    watched.record(
        (CORE, TeamBudgetChanged(before=budget("10", None, "1d"), after=budget("8", None, "1d")))
    )
    await watched.look(Stretch(TEAM_ACCOUNT, START, START))
    assert watched.percents == [80, 80, 90, 100]
    assert [fact.budget for fact in watched.told] == [10, 8, 8, 8]


async def test_after_a_manual_reset_spend_is_told_of_anew() -> None:
    watched = team_of("10")
    await watched.called(TEAM_ACCOUNT, START, "8")
    reset = SpendReset(kind="team", id="core", incarnation=1, before=usd(8), amount=usd(0))
    watched.record((spend_stream("team", "core"), reset))
    await watched.look(Stretch(TEAM_ACCOUNT, START, START))
    assert watched.percents == [80]
    at = watched.log.envelopes[-1].recorded_at + timedelta(minutes=1)
    await watched.called(TEAM_ACCOUNT, at, "8")
    assert watched.percents == [80, 80]


@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "blocked"])
async def test_nobody_is_told_of_a_team_that_is_gone(*, gone: bool) -> None:
    watched = team_of("10")
    fact = TeamDeleted(settings=settings(), members_total=0) if gone else TeamBlocked()
    watched.record((CORE, fact))
    await watched.called(TEAM_ACCOUNT, START, "8")
    assert watched.percents == ([] if gone else [80])


async def test_an_earlier_life_is_not_the_present_one() -> None:
    watched = team_of("10")
    watched.record((CORE, TeamDeleted(settings=settings(), members_total=0)))
    watched.record((CORE, created(budget=budget("10", None, "1d"))))
    await watched.called(TEAM_ACCOUNT, START, "8")
    assert watched.percents == []
    await watched.called(Account("team", "core", 3), START, "8")
    assert watched.percents == [80]


ANN = Account("member", "core", 1, "ann")


async def test_members_have_their_own_limits_or_those_of_all() -> None:
    watched = Watched()
    defaults = limits(max_budget=10, budget_duration="1d")
    watched.record((CORE, created(member_defaults=defaults)))
    watched.record((CORE, joined("ann")), (CORE, joined("bob", own=limits(max_budget=100))))
    await watched.called(ANN, START, "8")
    await watched.called(ANN._replace(member="bob"), START, "8")
    [told] = watched.told
    assert (told.kind, told.id, told.user_id, told.budget) == ("member", "core", "ann", usd(10))
    watched.record((CORE, MemberRemoved(user_id="ann", role="user")))
    await watched.called(ANN, START, "2")
    assert watched.percents == [80]


TOKEN, AFTER = "a" * 64, "b" * 64


def key_budget(maximum: str | None, soft: str | None = None) -> KeyBudget:
    return KeyBudget.model_validate({"max_budget": maximum, "soft_budget": soft})


async def test_a_key_may_share_a_budget_and_what_it_sets_itself_goes_first() -> None:
    watched = Watched()
    row, key = stream(BUDGET, "shared"), stream(KEY, TOKEN)
    watched.record((row, budget_created(max_budget=10, soft_budget=4)))
    watched.record((key, generated(key_alias="ci", extra={"budget_id": "shared"})))
    account = Account("key", TOKEN, 1)
    await watched.called(account, START, "8")
    assert [(fact.percent, fact.budget, fact.key_alias) for fact in watched.told] == [
        (None, usd(4), "ci"),
        (80, usd(10), "ci"),
    ]
    watched.record((key, KeyBudgetChanged(before=key_budget(None), after=key_budget("8", "2"))))
    await watched.look(Stretch(account, START, START))
    assert [fact.budget for fact in watched.told[2:]] == [2, 8, 8, 8]


async def test_a_key_that_was_rotated_is_one_thing() -> None:
    watched = Watched()
    old, new = stream(KEY, TOKEN), stream(KEY, AFTER)
    watched.record((old, generated(max_budget=10)))
    await watched.called(Account("key", TOKEN, 1), START, "8")
    settings_ = generated(max_budget=10).settings
    succession = Succession(
        token=TOKEN, created_at=START, created_by=None, budget_since=START, rotations=1
    )
    watched.record(
        (old, KeyRotated(settings=settings_, successor=AFTER, until=NEXT_DAY)),
        (new, generated(max_budget=10).model_copy(update={"succeeds": succession})),
    )
    await watched.called(Account("key", AFTER, 1), NEXT_DAY, "0.5")
    assert watched.percents == [80]
    await watched.called(Account("key", TOKEN, 1), NEXT_DAY, "0.5")
    assert watched.percents == [80, 90]
    assert watched.told[-1].id == AFTER


async def test_a_budget_that_is_raised_for_a_while_is_that_much() -> None:
    watched = Watched()
    until = datetime.max.replace(tzinfo=START.tzinfo).isoformat()
    metadata = {"temp_budget_increase": 10, "temp_budget_expiry": until}
    watched.record((stream(KEY, TOKEN), generated(max_budget=10, metadata=metadata)))
    await watched.called(Account("key", TOKEN, 1), START, "15")
    assert watched.percents == []
    await watched.called(Account("key", TOKEN, 1), START, "1")
    assert [(fact.percent, fact.budget) for fact in watched.told] == [(80, usd(20))]


COMPANY: list[tuple[Stream, DomainEvent]] = [
    (stream(BUDGET, "b"), budget_created(max_budget=10, soft_budget=5, budget_duration="1d")),
    (stream(ORGANIZATION, "acme"), organization_created(budget_id="b", organization_alias="Acme")),
]


async def test_organizations_and_their_members_and_users_are_watched() -> None:
    watched = Watched()
    watched.record(*COMPANY)
    own = limits(max_budget=4)
    watched.record((stream(ORGANIZATION, "acme"), entered("ann", own=own)))
    watched.record((stream(USER, "ann"), user_created(max_budget=20)))
    await watched.called(Account("organization", "acme", 1), START, "5")
    await watched.called(Account("organization_member", "acme", 1, "ann"), START, "4")
    await watched.called(Account("user", "ann", 1), START, "19")
    told = [(fact.kind, fact.user_id, fact.percent) for fact in watched.told]
    assert told == [
        ("organization", None, None),
        *(("organization_member", "ann", percent) for percent in (80, 90, 100)),
        *(("user", "ann", percent) for percent in (80, 90)),
    ]
    assert watched.told[0].organization_alias == "Acme"


async def test_a_shared_budget_that_changes_is_judged_as_it_is() -> None:
    watched = Watched()
    watched.record(*COMPANY)
    account = Account("organization", "acme", 1)
    await watched.called(account, START, "4.5")
    before = budget_settings(max_budget=10, soft_budget=5, budget_duration="1d")
    after = before.model_copy(update={"max_budget": usd(5), "soft_budget": None})
    watched.record((stream(BUDGET, "b"), BudgetChanged(before=before, after=after)))
    await watched.look(Stretch(account, START, START))
    assert watched.percents == [80, 90]


async def test_what_has_no_budget_is_not_asked_about() -> None:
    watched = team_of(None)
    await watched.called(TEAM_ACCOUNT, START, "1000000")
    assert watched.told == []


async def test_there_may_be_more_than_one_command_can_tell() -> None:
    watched = team_of("10", duration="1s")
    moments = [START + timedelta(seconds=second) for second in range(200)]
    watched.calls += [(TEAM_ACCOUNT, moment, usd(10)) for moment in moments]
    stretch = Stretch(TEAM_ACCOUNT, moments[0], moments[-1])
    assert await watched.look(stretch)
    assert not await watched.look(stretch)
    assert watched.percents == [80, 90, 100] * 200
