"""When a process that reads is not to be sent requests, and which check says so."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from services.database.embedded import EmbeddedServer
from services.projection.projectors import GROUP
from tests.support.eventlog import owner
from tests.support.postgres import fresh_database
from tests.support.reading import World, reading

HOLD = "SELECT pg_advisory_lock(hashtextextended('read.groups ' || %s, 0))"


@pytest.fixture
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    with fresh_database(postgres_server) as url:
        async with reading(url) as world:
            world.team("before")
            await world.settled()
            yield world


@contextmanager
def held_up(world: World) -> Iterator[None]:
    """Nobody moves the read models on meanwhile."""
    with owner(world.url) as other:
        other.execute(HOLD, (GROUP,))
        yield


async def refused(world: World) -> tuple[str, str]:
    """The check that failed, and why."""
    answered = await world.get("/health/readiness", None)
    assert answered.status_code == 503, answered.text
    assert answered.headers["retry-after"] == "1"
    told = answered.json()
    assert told.keys() == {"status", "check", "reason"}
    return told["check"], told["reason"]


async def test_read_models_may_be_behind_for_a_while_but_not_for_long(world: World) -> None:
    with held_up(world):
        world.clock = lambda: datetime.now(UTC)
        world.team("now")
        assert (await world.get("/health/readiness", None)).status_code == 200
        assert (await world.get("/team/info", team_id="now")).status_code == 503
    await world.settled()
    with held_up(world):
        world.clock = None  # facts are recorded as of long ago
        world.team("long ago")
        check, reason = await refused(world)
    assert check == "projection_lag"
    assert reason.startswith("the read models: the oldest event that is missing is ")
    assert reason.endswith(" s old, the limit is 30 s")
    await world.settled()
    assert (await world.get("/health/readiness", None)).status_code == 200


async def test_a_process_that_was_never_at_the_head_is_not_ready(world: World) -> None:
    assert world.context.group.caught_up
    world.context.group.caught_up = False
    with held_up(world):
        world.clock = lambda: datetime.now(UTC)
        world.team("now")
        assert (await refused(world))[0] == "projection_lag"
    await world.settled()
    assert (await world.get("/health/readiness", None)).status_code == 200


async def test_a_sealer_that_stopped_is_told_by_the_status_and_everybody_served(
    world: World,
) -> None:
    world.unsealed = "the log ends at event 1"
    assert (await world.get("/health/readiness", None)).status_code == 200
    told = (await world.get("/v1/status")).json()
    assert (told["status"], "the log ends at event 1" in told["reason"]) == ("red", True)


async def test_databases_that_are_away_are_told_without_what_the_driver_says(world: World) -> None:
    await world.context.read_pool.close()
    away = "the database of the read models does not answer"
    assert await refused(world) == ("read_database", away)
    await world.context.events_pool.close()
    assert await refused(world) == ("event_database", "the event database does not answer")
    assert (await world.get("/health/liveliness", None)).status_code == 200


async def test_the_master_key_is_told_the_status_without_a_database(world: World) -> None:
    secret = world.key("sk-admins", user_id=None)
    await world.settled()
    assert secret
    for pool in (world.context.read_pool, world.context.events_pool):
        await pool.close()
    told = await world.get("/v1/status")
    assert told.status_code == 200
    assert told.json()["reason"] == "event database: does not answer"
    assert (await world.get("/v1/status", "sk-admins")).status_code == 503
    assert (await world.get("/v1/status", "sk")).status_code == 401
