"""A budget id that several members have, as an import may bring it (D14)."""

from decimal import Decimal

from events.team import TeamSettings
from events.values import MemberLimits
from services.command.application.budgets import NewBudget, ReviseBudget
from services.command.application.members import AddMembers
from services.command.application.requests import MAX_EVENTS
from services.command.application.teams import NewTeam
from services.command.domain.errors import AlreadyExists, TooLarge
from tests.support.facts import budget_settings, limits, usd
from tests.support.memory_log import MemoryLog
from tests.support.people import People
from tests.support.process import Process

SHARED = limits("shared", max_budget=usd(1))


def own_limits(process: Process, team_id: str) -> dict[str, MemberLimits | None]:
    """What each member of a team has, as the facts tell it."""
    found: dict[str, MemberLimits | None] = {}
    for at in process.log.envelopes:
        if at.originator_id == f"team-{team_id}" and at.event.type_name.startswith("team.member_"):
            told = getattr(at.event, "limits", getattr(at.event, "after", None))
            found[at.event.user_id] = told  # type: ignore[attr-defined]
    return found


async def two_teams() -> Process:
    """Ann and bob share a budget in `one`, cy has it in `two`; dan has another one."""
    people, process = People(), Process(MemoryLog())
    creator = people.candidate("root", role="admin")
    for team_id, user_ids in (("one", ("ann", "bob")), ("two", ("cy",))):
        members = [people.candidate(user_id, limits=SHARED) for user_id in user_ids]
        made = NewTeam(team_id, False, TeamSettings(), members, creator)  # noqa: FBT003
        await process.carry_out(made)
    dan = [people.candidate("dan", limits=limits("another", max_budget=usd(1)))]
    await process.carry_out(AddMembers("two", dan, single=True))
    return process


async def test_a_change_reaches_all_who_have_the_budget_in_one_append() -> None:
    process = await two_teams()
    before = len(process.log.envelopes)
    [answer] = await process.carry_out(ReviseBudget("shared", {"max_budget": Decimal(2)}))
    assert answer.budget.settings.max_budget == 2
    changed = SHARED.model_copy(update={"max_budget": Decimal(2)})
    assert own_limits(process, "one") == {"root": None, "ann": changed, "bob": changed}
    assert own_limits(process, "two") == {
        "root": None,
        "cy": changed,
        "dan": limits("another", max_budget=usd(1)),
    }
    new = process.log.envelopes[before:]
    assert [(at.index, at.count) for at in new] == [(0, 3), (1, 3), (2, 3)]


async def test_a_budget_that_other_things_share_too_changes_as_a_whole() -> None:
    process = await two_teams()
    budget = NewBudget("shared", False, budget_settings(max_budget=1))  # noqa: FBT003
    [refused] = await process.carry_out(budget)
    assert isinstance(refused, AlreadyExists)
    imported = Process(MemoryLog())
    await imported.carry_out(budget)
    people = People()
    creator = people.candidate("root", role="admin")
    members = [people.candidate("ann", limits=SHARED)]
    await imported.carry_out(NewTeam("one", False, TeamSettings(), members, creator))  # noqa: FBT003
    changes = {"max_budget": Decimal(3), "soft_budget": Decimal(2)}
    [answer] = await imported.carry_out(ReviseBudget("shared", changes))
    assert answer.budget.settings.soft_budget == 2
    ann = own_limits(imported, "one")["ann"]
    assert ann is not None
    assert ann.max_budget == 3


async def test_more_members_than_one_command_may_change_are_not_changed_in_part() -> None:
    people, process = People(), Process(MemoryLog())
    creator = people.candidate("root", role="admin")
    for number in range(3):
        members = [
            people.candidate(f"u{number}-{n}", limits=SHARED) for n in range(MAX_EVENTS // 3)
        ]
        team_id = f"t{number}"
        await process.carry_out(NewTeam(team_id, False, TeamSettings(), [], creator))  # noqa: FBT003
        await process.carry_out(AddMembers(team_id, members, single=False))
    more = [people.candidate(f"more-{n}", limits=SHARED) for n in range(9)]
    await process.carry_out(AddMembers("t0", more, single=False))
    before = len(process.log.envelopes)
    [refused] = await process.carry_out(ReviseBudget("shared", {"max_budget": Decimal(2)}))
    assert isinstance(refused, TooLarge)
    assert len(process.log.envelopes) == before
