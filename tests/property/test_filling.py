"""Streams folded apart, in parts of any size, come to the rows of the whole log in its order."""

import asyncio
from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from events.envelope import Envelope
from events.organization import (
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationMemberAdded,
    OrganizationSettings,
)
from events.registry import DomainEvent
from events.streams import ORGANIZATION, TEAM, USER, Stream, stream
from events.team import (
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    TeamCreated,
    TeamDeleted,
    TeamMetadataChanged,
    TeamMovedToOrganization,
    TeamRestored,
    TeamSettings,
)
from events.user import UserCreated, UserDeleted, UserForgotten, UserSettings
from events.values import Sealed
from services.projection.filling.folding import Folder, reaching_of
from services.projection.filling.parts import Cutter, Part
from services.projection.projectors import contract_projectors
from services.projection.rows import Settled
from tests.support.eventlog import History
from tests.support.projected import open_sealed

PROJECTORS = contract_projectors(open_sealed)
IDS = st.sampled_from("ab")
STEPS = st.tuples(st.integers(0, 12), IDS, IDS)
Step = tuple[int, str, str]
BOX = Sealed(person="p", box="Ann")
PLAIN, PERSON = TeamSettings(), UserSettings(person="p", user_alias=BOX)
ACME = OrganizationSettings(organization_alias="Acme", budget_id="b")


def happened(step: Step) -> list[tuple[Stream, DomainEvent]]:
    """What a step records; whether it could have happened is no matter to a fold."""
    kind, one, other = step
    team, user, organization = stream(TEAM, one), stream(USER, one), stream(ORGANIZATION, one)
    created, gone = TeamCreated(settings=PLAIN), UserDeleted(settings=PERSON)
    within = TeamCreated(settings=PLAIN.model_copy(update={"organization_id": other}))
    member = MemberAdded(user_id=other, role="user")
    belongs = OrganizationMemberAdded(user_id=other, role="internal_user")
    recorded: list[list[tuple[Stream, DomainEvent]]] = [
        [(team, created), (stream(TEAM, other + "2"), created)],
        [(team, within), (team, member)],
        [(team, TeamMovedToOrganization(before=None, after=other))],
        [(team, TeamDeleted(settings=PLAIN, members_total=1)), (user, gone)],
        [(team, TeamRestored(settings=PLAIN, members_total=1, keys=False))],
        [(team, member), (team, TeamMetadataChanged(before={}, after={other: 1}))],
        [(team, MemberRoleChanged(user_id=other, before="user", after="admin"))],
        [(team, MemberRemoved(user_id=other, role="user"))],
        [(user, UserCreated(settings=PERSON))],
        [(user, gone), (user, UserForgotten(persons=["p"]))],
        [(organization, OrganizationCreated(settings=ACME)), (organization, belongs)],
        [(organization, OrganizationDeleted(settings=ACME))],
        [(organization, belongs), (user, gone)],
    ]
    return recorded[kind]


def by_stream(facts: Sequence[Envelope]) -> list[Envelope]:
    """As the log's index has them."""
    return sorted(facts, key=lambda at: (at.originator_id, at.originator_version))


def cut(facts: Sequence[Envelope], page: int) -> Iterator[Part]:
    """As a reader gets them that reads so many at once."""
    cutter = Cutter(page)
    for start in range(0, len(facts), page):
        yield from cutter.cut(facts[start : start + page], size=0)
    yield from cutter.rest()


async def at_once(facts: Sequence[Envelope]) -> dict[str, Settled]:
    return {each.table.name: (await each.fold(facts)).settled() for each in PROJECTORS}


async def apart(facts: Sequence[Envelope], page: int) -> dict[str, Settled]:
    """Rows are taken out wherever they would be saved: none may come twice."""
    folder = Folder(PROJECTORS, reaching_of(facts, PROJECTORS))
    saved: dict[str, Settled] = {each.table.name: {} for each in PROJECTORS}
    for part in cut(by_stream(facts), page):
        await folder.fold(part)
        for table in [p.table for p in PROJECTORS if part.ends or p.table.append_only]:
            rows = folder.rows.pop(table.name)
            assert not rows.keys() & saved[table.name].keys()
            saved[table.name] |= rows
    return saved


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, min_size=3, max_size=40), st.integers(1, 9))
def test_streams_apart_come_to_what_the_log_does(steps: list[Step], page: int) -> None:
    log = History()
    facts = [at for step in steps for at in log.command(*happened(step))]
    assert asyncio.run(apart(facts, page)) == asyncio.run(at_once(facts))


@given(st.lists(STEPS, min_size=1, max_size=40), st.integers(1, 9))
def test_parts_hold_every_fact_once_and_part_no_command(steps: list[Step], page: int) -> None:
    log = History()
    facts = by_stream([at for step in steps for at in log.command(*happened(step))])
    parts = list(cut(facts, page))
    assert [at for part in parts for at in part.facts] == facts
    commands = [{(at.originator_id, at.meta.command_id) for at in part.facts} for part in parts]
    assert sum(map(len, commands)) == len(set().union(*commands))
    going_on = [part for part in parts if not part.ends]
    assert all({at.originator_id for at in part.facts} == {part.last} for part in going_on)
    assert [part.last for part in parts if part.ends] == sorted({p.last for p in parts})
