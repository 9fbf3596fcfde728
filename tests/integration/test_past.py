"""An answer as of a moment is the answer that was given then (decision 016)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
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


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
@given(st.lists(st.sampled_from(HAPPENINGS), max_size=6))
async def test_an_answer_as_of_a_position_is_what_was_answered_at_it(
    world: World, steps: list[str]
) -> None:
    name = f"story-{next(_stories)}"
    before, facts = world.history.position, happenings(name)
    begin(world, name)
    asked = [*questions(name), *lists(name)]
    told = {world.history.position: await answers(world, asked)}
    for what in steps:
        world.tell(*facts[what])
        told[world.history.position] = await answers(world, asked)
    for position, expected in told.items():
        found = await answers(world, asked, as_of=str(position))
        assert differing(found, expected) == [], position
    nothing = await answers(world, questions(name), as_of=str(before))
    assert {status for _, status, _, _ in nothing} == {404}
