"""What every event store promises: the one in PostgreSQL, and the one in memory that tests use."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from events.envelope import Envelope, encode
from events.registry import DomainEvent
from events.streams import KEY, TEAM, Stream, stream
from events.team import MemberRemoved, TeamDeleted, TeamSettings
from services.command.application.appending import Batch, StoredAnswer
from services.command.application.cache import Mark
from services.command.application.store import EventStore
from services.command.application.view import Row, links_of
from services.command.domain.dependents import KEYS, TEAMS, keys_of_member
from services.database.connections import open_pool, service_conninfo
from tests.support.eventlog import History, create_store
from tests.support.facts import created, generated, joined
from tests.support.memory_log import MemoryLog

CORE, OTHER, SECRET = stream(TEAM, "core"), stream(TEAM, "other"), stream(KEY, "k1")
ANSWER = StoredAnswer(b"caller", "key", b"hash", 200, b"sealed", 1)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[EventStore]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield MemoryLog()
        return
    url = request.getfixturevalue("database_url")
    create_store(url)
    async with await open_pool(service_conninfo(url), 1, 2, "test") as pool:
        real = EventStore(pool, service_conninfo(url))
        yield real
        await real.close()


def batch(envelopes: list[Envelope], *answers: StoredAnswer) -> Batch:
    """All that goes with these facts, to be appended right before their positions."""
    rows = [Row(at, *encode(at)) for at in envelopes]
    head = envelopes[0].position - 1 if envelopes else 0
    return Batch(head, rows, links_of(envelopes), answers=answers)


async def fill(store: EventStore, *commands: list[tuple[Stream, DomainEvent]]) -> list[Envelope]:
    """Append command after command; what was appended."""
    history = History()
    written: list[Envelope] = []
    for command in commands:
        envelopes = history.command(*command)
        assert await store.append(batch(envelopes)) == ("appended", history.position)
        written += envelopes
    return written


async def test_what_was_appended_is_read_in_order(store: EventStore) -> None:
    written = await fill(store, [(CORE, created()), (CORE, joined("ann"))], [(OTHER, created())])
    assert await store.head() == 3
    assert await store.news(0, 10) == written
    assert await store.news(1, 1) == written[1:2]
    assert await store.newest() == written[2]
    assert await store.load([CORE, "team-none"]) == written[:2]


async def test_an_empty_store_has_no_head(store: EventStore) -> None:
    assert (await store.head(), await store.news(0, 1), await store.load([CORE])) == (0, [], [])
    assert await store.newest() is None
    assert await store.stands_at(Mark(await store.epoch(), 0, None))


async def test_whoever_expects_another_head_writes_nothing(store: EventStore) -> None:
    written = await fill(store, [(CORE, created())])
    late = History().command((OTHER, created()))
    assert await store.append(batch(late, ANSWER)) == ("moved", 1)
    assert await store.news(0, 10) == written
    assert await store.answers([(ANSWER.caller, ANSWER.key)]) == []


async def test_an_idempotency_key_is_answered_once(store: EventStore) -> None:
    history = History()
    first, repeat = history.command((CORE, created())), history.command((OTHER, created()))
    assert await store.append(batch(first, ANSWER)) == ("appended", 1)
    assert await store.append(batch(repeat, ANSWER)) == ("repeated", 1)
    assert await store.head() == 1
    wanted = [(ANSWER.caller, ANSWER.key), (ANSWER.caller, "other"), (b"other", ANSWER.key)]
    assert await store.answers(wanted) == [ANSWER]


async def test_the_head_under_the_lock_is_the_head(store: EventStore) -> None:
    await fill(store, [(CORE, created())])
    async with store.locked() as place:
        assert place == (1, await store.epoch())


async def test_a_log_without_the_mark_is_another_one_and_nothing_is_written(
    store: EventStore,
) -> None:
    (first,) = await fill(store, [(CORE, created())])
    mark = Mark(await store.epoch(), 1, first.event_id)
    others = [
        replace(mark, epoch=uuid4()),
        replace(mark, event_id=first.event_id[:-1] + "x"),
        replace(mark, position=2),
        replace(mark, position=0, event_id=None),
    ]
    history = History(position=1)
    second = batch(history.command((OTHER, created())), ANSWER)
    for other in others:
        assert not await store.stands_at(other)
        moved = replace(second, expected_head=other.position, after=other)
        assert (await store.append(moved))[0] == "moved"
    assert await store.news(0, 10) == [first]
    assert await store.stands_at(mark)
    assert await store.append(replace(second, after=mark)) == ("appended", 2)
    assert not await store.stands_at(mark)


LEFT = MemberRemoved(user_id="ann", role="user")
ENDED = TeamDeleted(settings=TeamSettings(), members_total=1)
KEY_MADE = generated(user_id="ann", team_id="core")
ANN_TEAMS, CORE_KEYS = ("user-ann", TEAMS), (CORE, KEYS)
ANN_KEYS, ANN_KEYS_IN_CORE = ("user-ann", KEYS), (CORE, keys_of_member("ann"))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("facts", "left"),
    [
        ([(CORE, joined("ann"))], {(*ANN_TEAMS, CORE, 1)}),
        ([(CORE, joined("ann")), (CORE, LEFT)], set()),
        ([(CORE, joined("ann")), (CORE, LEFT), (CORE, joined("ann"))], {(*ANN_TEAMS, CORE, 3)}),
        ([(CORE, joined("ann")), (OTHER, joined("ann")), (CORE, ENDED)], {(*ANN_TEAMS, OTHER, 2)}),
        (
            [(CORE, joined("ann")), (CORE, ENDED), (CORE, created()), (CORE, joined("ann"))],
            {(*ANN_TEAMS, CORE, 4)},
        ),
        (
            [(SECRET, KEY_MADE)],
            {(*k, SECRET, 1) for k in (CORE_KEYS, ANN_KEYS, ANN_KEYS_IN_CORE)},
        ),
    ],
)
async def test_links_follow_the_facts_however_they_are_batched(
    store: EventStore,
    facts: list[tuple[Stream, DomainEvent]],
    left: set[tuple[str, str, str, int]],
    *,
    together: bool,
) -> None:
    await fill(store, *([facts] if together else [[fact] for fact in facts]))
    keys = [ANN_TEAMS, CORE_KEYS, ANN_KEYS, ANN_KEYS_IN_CORE]
    assert set(await store.load_links(keys)) == left
