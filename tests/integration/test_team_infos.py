"""What is kept of /team/info: shown as if it were rendered afresh, whatever happens in between."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from events.key import KeyBlocked
from events.spend import EVERYWHERE, SpendReset, SpendResetEverywhere, spend_stream
from events.team import MemberBudgetChanged, TeamBudgetChanged, TeamRenamed
from services.access.credentials import hash_key
from services.command.domain.usage import Attribution, Life
from services.projection.api import ReadContext
from services.projection.api.infos import TeamInfos
from services.projection.queries.teams import FoundTeam, Question
from tests.support.facts import budget, joined, limits
from tests.support.reading import World, key, reading, team
from tests.support.usage import call, opened_books

NOW = datetime.now(UTC)
NUMBERS = count()


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with reading(database_url) as opened:
        yield opened


def a_team(world: World, team_id: str, keys: int = 1) -> None:
    """It lasts 30 days, bob's limits a day, the others' as those of the team; ann has the keys."""
    world.team(team_id, {"ann": "admin", "bob": "user"}, budget={"budget_duration": "30d"})
    daily = limits("b2", budget_duration="1d", max_budget=1)
    change = MemberBudgetChanged(user_id="bob", before=None, after=daily)
    world.tell((team(team_id), change))
    for number in range(keys):
        secret = f"sk-{team_id}-{number}"
        world.key(secret, team_id=team_id, user_id="ann", budget_duration="7d", max_budget=2)


async def book(world: World, team_id: str, user_id: str) -> None:
    secret = hash_key(f"sk-{team_id}-0")
    by = Attribution(team=Life(team_id, 1), user=Life(user_id, 1), key=Life(secret, 1))
    async with opened_books(world.url, NOW) as books:
        await books.book(call(next(NUMBERS), "0.25", NOW - timedelta(seconds=30)), by=by)


async def found(world: World, context: ReadContext, team_id: str) -> FoundTeam:
    """As one reads who has read the heads."""
    await context.head.both()
    await world.settled()
    _, whole = await context.teams.whole(Question(team_id, None, True, True, ()))  # noqa: FBT003
    assert whole is not None
    return whole


async def shown(
    world: World,
    team_id: str,
    now: datetime = NOW,
    *,
    with_token: bool = True,
    infos: TeamInfos | None = None,
) -> object:
    whole = await found(world, world.context, team_id)
    kept = infos or world.context.team_infos
    return await kept.info(whole, now, with_token=with_token)


async def afresh(world: World, team_id: str, now: datetime, *, with_token: bool) -> object:
    """By a process that has shown nothing before."""
    context = replace(world.context)
    whole = await found(world, context, team_id)
    return await context.team_infos.info(whole, now, with_token=with_token)


async def test_a_team_that_looks_the_same_is_rendered_once(world: World) -> None:
    a_team(world, "core")
    first = await shown(world, "core")
    assert await shown(world, "core", NOW + timedelta(seconds=1)) is first
    assert await shown(world, "core", with_token=False) is not first
    await book(world, "elsewhere", "cy")
    assert await shown(world, "core") is first
    await book(world, "core", "bob")
    assert await shown(world, "core") is not first


async def test_a_team_with_a_rotated_key_is_rendered_each_time(world: World) -> None:
    a_team(world, "core")
    of = {"team_id": "core", "user_id": "ann", "team_incarnation": 1}
    world.rotate("sk-core-0", "sk-core-next", **of)
    assert await shown(world, "core") is not await shown(world, "core")


async def test_the_latest_answers_stay_and_none_that_is_too_long(world: World) -> None:
    for name in ("a", "b", "c"):
        a_team(world, name)
    size = len(orjson.dumps(await shown(world, "a")))
    infos = TeamInfos(world.context.spending, world.context.zone, capacity=2 * size + 10)
    first, second = [await shown(world, name, infos=infos) for name in ("a", "b")]
    assert await shown(world, "a", infos=infos) is first
    await shown(world, "c", infos=infos)
    assert await shown(world, "a", infos=infos) is first
    assert await shown(world, "b", infos=infos) is not second
    a_team(world, "long", keys=60)
    assert await shown(world, "long") is not await shown(world, "long")


Step = Callable[[World, str], Awaitable[None] | None]


def renamed(world: World, team_id: str) -> None:
    name = f"name {next(NUMBERS)}"
    world.tell((team(team_id), TeamRenamed(before=None, after=name)))


def lasting(duration: str) -> Step:
    def change(world: World, team_id: str) -> None:
        after = budget(5, duration=duration)
        world.tell((team(team_id), TeamBudgetChanged(before=budget(), after=after)))

    return change


def reset(world: World, team_id: str) -> None:
    fact = SpendReset(kind="team", id=team_id, incarnation=1, before=budget(9).max_budget, amount=3)
    world.tell((spend_stream("team", team_id), fact))


def reset_everywhere(world: World, _: str) -> None:
    world.tell((EVERYWHERE, SpendResetEverywhere(kinds=["key", "team"])))


def joining(world: World, team_id: str) -> None:
    world.tell((team(team_id), joined(f"user-{next(NUMBERS)}")))


def blocked(world: World, team_id: str) -> None:
    world.tell((key(f"sk-{team_id}-0"), KeyBlocked()))


STEPS: dict[str, Step] = {
    "ann calls": partial(book, user_id="ann"),
    "bob calls": partial(book, user_id="bob"),
    "renamed": renamed,
    "daily": lasting("1d"),
    "monthly": lasting("1mo"),
    "reset": reset,
    "reset everywhere": reset_everywhere,
    "joining": joining,
    "blocked": blocked,
    "nothing": lambda *_: None,
}
HAPPENS = st.tuples(
    st.sampled_from(sorted(STEPS)), st.sampled_from([0, 0, 1, 2, 8, 31, -1]), st.booleans()
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example([("bob calls", 1, True)])
@given(st.lists(HAPPENS, min_size=1, max_size=8))
async def test_what_is_kept_shows_what_would_be_rendered_now(
    world: World, happens: list[tuple[str, int, bool]]
) -> None:
    """Whatever is told and booked, and wherever the clock is put: forth, by days, or back."""
    team_id, now = f"team-{next(NUMBERS)}", NOW
    a_team(world, team_id)
    for step, days, with_token in happens:
        await shown(world, team_id, now, with_token=with_token)
        done = STEPS[step](world, team_id)
        if done is not None:
            await done
        now += timedelta(days=days)
        is_shown = await shown(world, team_id, now, with_token=with_token)
        expected = await afresh(world, team_id, now, with_token=with_token)
        assert orjson.loads(orjson.dumps(is_shown)) == orjson.loads(orjson.dumps(expected))
