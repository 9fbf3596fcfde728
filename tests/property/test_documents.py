"""A document folded field by field is what the domain's own fold comes to (decision 017)."""

from typing import Any

from hypothesis import given, settings

from events.envelope import Envelope
from services.command.domain.team import Team
from services.projection.history.changes import changes_of, compared, flat
from services.projection.history.document import Document
from services.projection.projectors import audit_values
from tests.property.test_team import commands, run

unhurried = settings(deadline=None)


def folded(log: list[Envelope]) -> Document:
    document = Document()
    for at in log:
        document.fold(at)
    return document


def expected(team: Team) -> dict[str, Any]:
    """What an auditor is shown of the team, and what its members have; empties are left out."""
    if not team.open:
        return {}
    fields = flat(audit_values.team("core", team.settings), sealed=False)
    for user_id, member in team.roster.items():
        held = {"role": member.role, **audit_values.member_limits(member.limits)}
        fields |= {f"members.{user_id}.{name}": value for name, value in held.items()}
    return full(fields)


def full(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


@unhurried
@given(commands)
def test_a_document_is_what_the_team_is(given_commands: list[object]) -> None:
    team, log, _ = run(given_commands)
    document = folded(log)
    assert full(document.state()) == expected(team)
    assert document.live == team.open
    assert list(document.members) == [user_id for user_id, _ in team.roster.ordered()]


@unhurried
@given(commands)
def test_each_value_was_set_by_the_last_fact_that_changed_it(given_commands: list[object]) -> None:
    """The fact that is blamed tells of the value, and no later one of the same life does."""
    _, log, _ = run(given_commands)
    document = folded(log)
    for name, held in document.fields.items():
        later = [
            change
            for at in log
            if at.position > held.at.position and not at.event.type_name.endswith("deleted")
            for change in changes_of(at)
            if change.field == name
        ]
        assert later == []


@unhurried
@given(commands)
def test_differences_lead_from_one_state_to_the_other(given_commands: list[object]) -> None:
    _, log, _ = run(given_commands)
    half = len(log) // 2
    earlier, later = folded(log[:half]).state(), folded(log).state()
    state = full(earlier)
    for change in compared(earlier, later):
        assert full({change.field: state.get(change.field)}) == full({change.field: change.before})
        state[change.field] = change.after
    assert full(state) == full(later)
