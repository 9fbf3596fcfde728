"""What the policy index has kept is what would be read now, after whatever has happened."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.projection.decisions.changes import Changes
from services.projection.decisions.index import PolicyIndex
from services.projection.decisions.standing import Standing
from services.projection.queries.principals import Principals
from tests.support.postgres import fresh_database
from tests.support.reading import World, reading
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
from tests.support.usage import NOON

_stories = count()


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    with fresh_database(postgres_server) as url:
        async with reading(url) as opened:
            yield opened


def index_of(world: World, *, most: int = 100, changes: int = 100) -> PolicyIndex:
    """An index of its own with nothing in it, which keeps so many keys and so many changes."""
    context = world.context
    followed = Changes(context.ledger_pool, kept=changes)
    return PolicyIndex(context.read_pool, followed, context.reached, context.spending, kept=most)


KEYS = (MEMBER, OWN, LINKED, OLD, NEW, "unknown")


async def seen(index: PolicyIndex, world: World, name: str) -> list[dict[str, Any]]:
    """All that the index says of the keys, but for what it remembers of having been asked."""
    head = world.history.position
    asked = (index.standing(hash_key(secret(name, which)), head, NOON) for which in KEYS)
    return [_told(standing) for standing in await asyncio.gather(*asked)]


def _told(standing: Standing) -> dict[str, Any]:
    found = asdict(standing)
    for remembered in ("position", "origins", "source", "size"):
        del found[remembered]
    for allotment in (*found["allotments"], *found["model_allotments"].values()):
        del allotment["_due"]
    return found


@pytest.mark.parametrize("what", HAPPENINGS)
async def test_whatever_happens_is_noticed(world: World, what: str) -> None:
    name, index = f"story-{next(_stories)}", index_of(world)
    begin(world, name)
    before = await seen(index, world, name)
    world.tell(*happenings(name)[what])
    expected = await seen(index_of(world), world, name)
    assert await seen(index, world, name) == expected
    assert (expected == before) is (what in WITHOUT_EFFECT)


WITHOUT_EFFECT = {
    "key linked unblocked",
    "key member unblocked",
    "key new unblocked",
    "key own unblocked",
    "somebody else",
    "team unblocked",
}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.sampled_from(HAPPENINGS), max_size=15),
    st.sampled_from([2, 100]),
    st.sampled_from([3, 100]),
)
async def test_what_is_kept_is_what_would_be_read(
    world: World, steps: list[str], most: int, changes: int
) -> None:
    """However few keys and changes are kept."""
    name = f"story-{next(_stories)}"
    begin(world, name)
    index, facts = index_of(world, most=most, changes=changes), happenings(name)
    for what in steps:
        world.tell(*facts[what])
        expected = await seen(index_of(world), world, name)
        assert await seen(index, world, name) == expected, what


async def test_no_more_is_kept_than_has_room(world: World) -> None:
    """Of keys into which their callers have put as much as they may."""
    models = [f"model-{n}" for n in range(2_000)]
    tokens = [world.key(f"sk-large-{n}", models=models) for n in range(8)]
    await world.settled()
    head, context = world.history.position, world.context
    changes = Changes(context.ledger_pool)
    room = 2 * 8 * 1024 + 3 * len(str(models))
    given = context.read_pool, changes, context.reached, context.spending
    index = PolicyIndex(*given, kept_size=room)
    principals = Principals(context.read_pool, capacity_size=room)
    held = [await principals.holder(token, head, NOON) for token in tokens]
    for token in tokens:
        await index.standing(token, head, NOON)
    kept = [index.kept(token) is not None for token in tokens]
    again = [await principals.holder(token, head, NOON) for token in reversed(tokens)]
    same = [one is other for one, other in zip(again, reversed(held), strict=True)]
    assert (sum(kept), kept[-1]) == (3, True)
    assert (sum(same), same[0]) == (3, True)


async def test_what_did_not_change_is_not_read_again(world: World) -> None:
    name, index = f"story-{next(_stories)}", index_of(world)
    begin(world, name)
    await seen(index, world, name)
    facts = happenings(name)
    world.tell(*facts["somebody else"])
    await world.settled()
    head, token = world.history.position, hash_key(secret(name, MEMBER))
    await index.standing(token, head, NOON)
    assert index.current(token, head) is not None
    world.tell(*facts["team blocked"])
    assert index.current(token, head + 1) is None
    found = await index.standing(token, head + 1, NOON)
    assert found.key is not None
    assert found.key.team is not None
    assert found.key.team.blocked


SWAP = """
BEGIN;
ALTER TABLE read.keys_1 RENAME TO before;
CREATE TABLE read.keys_1 (LIKE read.before INCLUDING ALL);
INSERT INTO read.keys_1 SELECT * FROM read.before;
COMMIT
"""


async def test_other_tables_end_what_was_read_from_those_before(world: World) -> None:
    """After a rebuild, which swaps them in."""
    name, index = f"story-{next(_stories)}", index_of(world)
    begin(world, name)
    head, token = world.history.position, hash_key(secret(name, MEMBER))
    await index.standing(token, head, NOON)
    world.log.execute(SWAP)
    assert index.current(token, head) is not None
    await index.standing(hash_key(secret(name, OWN)), head, NOON)
    assert index.current(token, head) is None
