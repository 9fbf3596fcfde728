"""Budgets as facts tell of them: from when on each holds, and where they cut time into windows."""

from collections.abc import Sequence

import pytest

from events.budget import BudgetChanged
from events.envelope import Envelope
from events.key import KeyBudgetChanged, KeyDetailsChanged, KeyGenerated, Succession
from events.organization import (
    OrganizationBudgetAssigned,
    OrganizationMemberBudgetChanged,
    OrganizationMemberRemoved,
)
from events.registry import DomainEvent
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER, Stream, stream
from events.team import (
    MemberBudgetChanged,
    MemberRemoved,
    TeamBudgetChanged,
    TeamMemberDefaultsChanged,
    TeamRenamed,
)
from events.terms import DEFAULTS, LINK
from events.user import UserBudgetChanged
from services.command.domain.pace import UNPACED, paced
from services.projection.projectors.budget_periods import BUDGET_PERIODS
from tests.support.eventlog import START, History
from tests.support.facts import (
    budget,
    budget_created,
    budget_settings,
    created,
    entered,
    generated,
    joined,
    key_settings,
    limits,
    organization_created,
    usd,
    user_created,
)

CORE, TOKEN = stream(TEAM, "core"), "a" * 64
ONE, TWO, SLOW = (
    {"max_budget": usd(most), "budget_duration": duration}
    for most, duration in ((1, "1d"), (2, "1d"), (2, "7d"))
)
RAISED = {"before": ONE, "after": TWO}
SLOWED = {"before": TWO, "after": SLOW}
OWN = limits(max_budget=3, budget_duration="1mo")
LIVES: dict[str, tuple[Stream, Sequence[DomainEvent], list[tuple[object, ...]]]] = {
    "a team": (
        CORE,
        [
            created(budget=ONE),
            TeamRenamed(before=None, after="Core"),
            TeamBudgetChanged.model_validate(RAISED),
            TeamBudgetChanged.model_validate(SLOWED),
        ],
        [
            (1, "team", "", usd(1), "1d", True, True, True),
            (3, "team", "", usd(2), "1d", True, False, False),
            (4, "team", "", usd(2), "7d", True, False, True),
        ],
    ),
    "a team without a budget": (
        CORE,
        [created(), TeamBudgetChanged(before=budget(), after=budget(2))],
        [(2, "team", "", usd(2), None, True, False, False)],
    ),
    "members, and what all of them have": (
        CORE,
        [
            created(),
            joined("ann"),
            joined("bob", own=OWN),
            TeamMemberDefaultsChanged(before=None, after=limits(max_budget=2)),
            MemberBudgetChanged(user_id="ann", before=None, after=OWN),
            MemberRemoved(user_id="bob", role="user", limits=OWN),
        ],
        [
            (3, "member", "bob", usd(3), "1mo", True, True, True),
            (4, DEFAULTS, "", usd(2), None, True, False, True),
            (5, "member", "ann", usd(3), "1mo", True, False, True),
            (6, "member", "bob", None, None, False, False, True),
        ],
    ),
    "a user": (
        stream(USER, "ann"),
        [user_created(**TWO), UserBudgetChanged.model_validate(SLOWED)],
        [
            (1, "user", "", usd(2), "1d", True, True, True),
            (2, "user", "", usd(2), "7d", True, False, True),
        ],
    ),
    "a key, which is linked to a budget": (
        stream(KEY, TOKEN),
        [
            generated(max_budget=5),
            KeyDetailsChanged(before={}, after={"budget_id": "b"}),
        ],
        [
            (1, "key", "", usd(5), None, True, True, False),
            (2, LINK, "", None, None, True, False, True),
        ],
    ),
    "a budget": (
        stream(BUDGET, "b"),
        [
            budget_created(max_budget=1, budget_duration="1d"),
            BudgetChanged(
                before=budget_settings(max_budget=1, budget_duration="1d"),
                after=budget_settings(max_budget=1, budget_duration="1mo"),
            ),
        ],
        [
            (1, "budget", "", usd(1), "1d", True, True, True),
            (2, "budget", "", usd(1), "1mo", True, False, True),
        ],
    ),
    "an organization and its members": (
        stream(ORGANIZATION, "acme"),
        [
            organization_created(budget_id="b"),
            entered("ann"),
            OrganizationBudgetAssigned(before="b", after="c"),
            OrganizationMemberBudgetChanged(user_id="ann", before=None, after=OWN),
            OrganizationMemberRemoved(user_id="ann", role="internal_user", limits=OWN),
        ],
        [
            (1, "organization", "", None, None, True, True, True),
            (3, "organization", "", None, None, True, False, True),
            (4, "organization_member", "ann", usd(3), "1mo", True, False, True),
            (5, "organization_member", "ann", None, None, False, False, True),
        ],
    ),
}


@pytest.mark.parametrize("life", LIVES)
async def test_budgets_are_kept_from_when_on_they_hold(life: str) -> None:
    named, facts, expected = LIVES[life]
    log = History()
    envelopes = [envelope for fact in facts for envelope in log.command((named, fact))]
    rows = (await BUDGET_PERIODS.fold(envelopes)).settled()
    columns = ("max_budget", "duration", "held", "first", "paced")
    found = [(key[4], key[2], key[3], *(row[c] for c in columns)) for key, row in rows.items()]
    assert found == expected
    assert {row["since"] for row in rows.values()} <= {each.recorded_at for each in envelopes}


@pytest.mark.parametrize("life", LIVES)
async def test_commands_and_reads_cut_windows_alike(life: str) -> None:
    """What is kept with a thing for commands is what the read model has of it."""
    named, facts, _ = LIVES[life]
    log, paces, envelopes = History(), UNPACED, list[Envelope]()
    for fact in facts:
        [envelope] = log.command((named, fact))
        envelopes.append(envelope)
        paces = paced(paces, envelope)
    rows = (await BUDGET_PERIODS.fold(envelopes)).settled()
    columns = ("since", "duration", "reset_at", "budget_id", "held", "first")
    read = dict[tuple[str, str], tuple[tuple[object, ...], ...]]()
    for key, row in rows.items():
        if row["paced"]:
            holder = key[2], key[3]
            read[holder] = (*read.get(holder, ()), tuple(row[c] for c in columns))
    assert dict(paces.items()) == read


def test_a_successor_goes_on_in_the_windows_of_the_key_it_carries_on() -> None:
    carried = Succession(
        token=TOKEN, created_at=START, created_by=None, budget_since=START, rotations=1
    )
    for succeeds, first in ((None, True), (carried, False)):
        fact = KeyGenerated(settings=key_settings(**ONE), succeeds=succeeds)
        [envelope] = History().command((stream(KEY, TOKEN), fact))
        [pace] = paced(UNPACED, envelope)["key", ""]
        assert (pace.duration, pace.first) == ("1d", first)


def test_another_amount_cuts_no_window() -> None:
    log, key = History(), stream(KEY, TOKEN)
    [made] = log.command((key, generated(**ONE)))
    kept = paced(UNPACED, made)
    [raised] = log.command((key, KeyBudgetChanged.model_validate(RAISED)))
    assert paced(kept, raised) == kept
