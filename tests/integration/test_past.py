"""An answer as of a moment is the answer that was given then (decision 016)."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.team import MemberAdded, MemberRemoved, TeamRenamed
from events.user import UserCreated, UserDeleted
from services.access.credentials import hash_key
from services.command.application import budget_watch
from services.database.embedded import EmbeddedServer
from services.projection.past import snapshotter
from services.projection.past.snapshots import spans_of
from tests.support.eventlog import owner
from tests.support.facts import user_settings
from tests.support.loop import until
from tests.support.postgres import fresh_database
from tests.support.reading import World, reading, team, user
from tests.support.stories import (
    HAPPENINGS,
    LINKED,
    MEMBER,
    NEW,
    OLD,
    OWN,
    begin,
    happenings,
    secret,
)

_stories = count()


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    with fresh_database(postgres_server) as url:
        async with reading(url) as opened:
            opened.clock = lambda: datetime.now(UTC)
            yield opened


Question = tuple[str, Mapping[str, str]]
Told = tuple[str, int, str | None, str]
"""Path, status, position and body of an answer."""


def questions(name: str) -> list[Question]:
    """What may be asked about the things of a story."""
    keys = (MEMBER, OWN, LINKED, OLD, NEW)
    return [
        *(("/team/info", {"team_id": f"{name}{which}"}) for which in "ab"),
        *(("/organization/info", {"organization_id": f"{name}{which}"}) for which in "ab"),
        ("/user/info", {"user_id": name}),
        *(("/key/info", {"key": hash_key(secret(name, which))}) for which in keys),
    ]


def lists(name: str) -> list[Question]:
    """Lists that may hold them."""
    return [
        ("/team/list", {"user_id": name}),
        ("/team/list", {"organization_id": f"{name}a"}),
        ("/v2/team/list", {"user_id": name}),
        ("/v2/team/list", {"page_size": "5"}),
        ("/v2/team/list", {"organization_id": f"{name}b"}),
        ("/v2/team/list", {"status": "deleted", "organization_id": f"{name}a"}),
    ]


async def answers(world: World, asked: Sequence[Question], **as_of: str) -> list[Told]:
    found = []
    for path, query in asked:
        answered = await world.get(path, headers=None, **query, **as_of)
        position = answered.headers.get("x-event-position")
        found.append((path, answered.status_code, position, answered.text))
    return found


def differing(found: Sequence[Told], expected: Sequence[Told]) -> list[tuple[Told, Told]]:
    return [(one, other) for one, other in zip(found, expected, strict=True) if one != other]


_IN_A_WORLD = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)


async def remembered(world: World, steps: Sequence[str], *, snapshots: bool) -> None:
    """What is answered as of each position of a story is what was answered when it was the last."""
    name = f"story-{next(_stories)}"
    before, facts = world.history.position, happenings(name)
    asked, told = [*questions(name), *lists(name)], {}
    begin(world, name)
    for what in [None, *steps]:
        if what is not None:
            world.tell(*facts[what])
        await world.settled()
        told[world.history.position] = await answers(world, asked)
    if snapshots:
        await make_snapshots(world, every=3)
    for position, expected in told.items():
        found = await answers(world, asked, as_of=str(position))
        assert differing(found, expected) == [], position
    nothing = await answers(world, questions(name), as_of=str(before))
    assert {status for _, status, _, _ in nothing} == {404}


async def make_snapshots(world: World, every: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshotter, "EVERY", every)
        while await world.context.snapshotter.make():
            pass


@settings(_IN_A_WORLD, max_examples=4)
@given(st.lists(st.sampled_from(HAPPENINGS), min_size=2, max_size=5), st.booleans())
async def test_an_answer_as_of_a_position_is_what_was_answered_at_it(
    world: World,
    steps: list[str],
    snapshots: bool,  # noqa: FBT001
) -> None:
    await remembered(world, steps, snapshots=snapshots)


@pytest.mark.scale
@pytest.mark.timeout(1_800)
@settings(_IN_A_WORLD, max_examples=25)
@given(st.lists(st.sampled_from(HAPPENINGS), min_size=2, max_size=12), st.booleans())
async def test_so_it_is_after_many_histories(
    world: World,
    steps: list[str],
    snapshots: bool,  # noqa: FBT001
) -> None:
    await remembered(world, steps, snapshots=snapshots)


@pytest.mark.parametrize(
    ("version", "due"),
    [
        *((1, False), (199, False), (200, True), (10_000, True), (10_200, False)),
        *((10_400, True), (20_400, False), (20_800, True), (1_024_000, True)),
    ],
)
def test_snapshots_of_long_streams_are_further_apart(version: int, due: bool) -> None:  # noqa: FBT001
    assert snapshotter.is_due(version) is due


async def test_snapshots_are_a_shortcut_and_never_a_source(world: World) -> None:
    """Those of another program or another history are as good as none, and so are none."""
    renamed = [TeamRenamed(before=str(n - 1), after=str(n)) for n in range(1, 13)]
    world.team("long", {"ann": "admin", "bob": "user"}, team_alias="0")
    for each in renamed:
        world.tell((team("long"), each))
    await world.settled()
    last = world.history.position
    await make_snapshots(world, every=5)
    made = "SELECT count(*) FROM ops.snapshots WHERE stream = 'team-long'"
    assert world.log.execute(made).fetchone() == (3,)

    async def alias(position: int) -> object:
        shown = await world.ok("/team/info", team_id="long", as_of=str(position))
        assert len(shown["team_info"]["members_with_roles"]) == 2
        return shown["team_info"]["team_alias"]

    pool = world.context.events_pool
    [span] = await spans_of(pool, ["team-long"], last - 1)
    assert span.snapshot is not None
    assert (span.snapshot.version, span.upto) == (10, 15)
    expected = [str(12 - back) for back in range(12)]
    assert [await alias(last - back) for back in range(12)] == expected
    world.log.execute("UPDATE ops.snapshots SET rows = 'spoilt'")
    assert [await alias(last - back) for back in range(12)] == expected
    world.log.execute("UPDATE ops.snapshots SET shape = 'another'")
    assert [await alias(last - back) for back in range(12)] == expected
    world.log.execute("TRUNCATE ops.snapshots")
    assert await alias(last - 1) == "11"


async def test_snapshots_are_made_while_budgets_are_watched(world: World) -> None:
    """Whoever watches them is alone at it for as long as he lives."""
    world.team("watched", {"ann": "admin", "bob": "user", "cy": "user"})
    await world.settled()
    with owner(world.url) as watching:
        watching.execute("SELECT pg_advisory_lock(%s)", (budget_watch.LOCK,))
        await make_snapshots(world, every=3)
    made = "SELECT count(*) FROM ops.snapshots WHERE stream = 'team-watched'"
    assert world.log.execute(made).fetchone() == (1,)


async def test_what_is_made_stays_made_while_more_is_due(world: World) -> None:
    """Whoever is long at it, or is killed again and again, does not begin anew for ever."""
    world.team("halved", {"ann": "admin"}, team_alias="0")
    for number in range(4):
        renamed = TeamRenamed(before=str(number), after=str(number + 1))
        world.tell((team("halved"), renamed))
    await world.settled()
    last = world.history.position
    with owner(world.url) as other:
        with other.transaction(force_rollback=True):
            other.execute(b"INSERT INTO ops.snapshots VALUES ('team-halved', 6, 0, '', '', '')")
            making = asyncio.create_task(make_snapshots(world, every=2))
            await until(lambda: _made(world) == (last - 2,))
        await making
    assert _made(world) == (last,)


def _made(world: World) -> object:
    return world.log.execute(b"SELECT max(position) FROM ops.snapshots_made").fetchone()


async def test_large_teams_and_long_lists_have_a_past(world: World) -> None:
    """They are read by cursors, in portions, within the one snapshot."""
    names = [f"crowd-{number:04}" for number in range(2_010)]
    world.team("crowd", dict.fromkeys(names, "user"))
    for number in range(25):
        world.team(f"list-{number}", {"lister": "user"}, team_alias=f"before {number:02}")
    before = world.history.position
    world.tell(*((team("crowd"), MemberRemoved(user_id=n, role="user")) for n in names[:1_500]))
    for number in range(25):
        changed = TeamRenamed(before=f"before {number:02}", after="after")
        world.tell((team(f"list-{number}"), changed))
    await world.settled()
    shown = await world.ok("/team/info", team_id="crowd", as_of=str(before))
    assert [each["user_id"] for each in shown["team_info"]["members_with_roles"]] == names
    assert [each["user_id"] for each in shown["team_memberships"]] == names
    listed = await world.ok("/team/list", user_id="lister", as_of=str(before))
    assert [each["team_alias"] for each in listed] == [f"before {n:02}" for n in range(25)]


async def test_snapshots_of_several_are_put_among_the_facts_of_others(world: World) -> None:
    """Each where its stream stood then; who was deleted before has left, who came back is in."""
    teams = [f"many-{number}" for number in range(3)]
    for name in teams:
        world.team(name, {"gone": "user", "back": "user"}, organization_id="many")
    for who in ("gone", "back"):
        world.tell((user(who), UserCreated(settings=user_settings())))
        world.tell((user(who), UserDeleted(settings=user_settings())))
    for name in teams:
        world.tell((team(name), MemberAdded(user_id="back", role="admin")))
        world.tell((team(name), TeamRenamed(before=None, after="now")))
    await world.settled()
    asked = [("/team/list", {"organization_id": "many"})]
    expected, before = await answers(world, asked), world.history.position
    await make_snapshots(world, every=4)
    for name in teams:
        world.tell((team(name), TeamRenamed(before="now", after="later")))
    assert differing(await answers(world, asked, as_of=str(before)), expected) == []
    assert '"gone"' not in expected[0][-1]
    assert '"back"' in expected[0][-1]
