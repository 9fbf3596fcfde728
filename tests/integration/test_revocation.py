"""What one loop took away no other gives, from the next request on; nor does it refuse too long.

Two loops on one database know of each other only through it, as two processes do.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest

from services.access.principal import AccessRefused
from services.command.application.requests import Done
from tests.support.loop import Writer, credential_of, opened_writer
from tests.support.stored import count

ANN = credential_of("ann's")
EVENTS = "SELECT count(*) FROM events.stored_events"
Act = Callable[[Writer], Awaitable[Done]]


@pytest.fixture
async def loops(url: str) -> AsyncIterator[tuple[Writer, Writer]]:
    """Two loops, a team "t" with its member ann, her key in it, and another key of hers."""
    async with opened_writer(url) as a, opened_writer(url) as b:
        await a.create("t", "ann")
        await a.make_key("ann's", team_id="t", user_id="ann")
        await a.make_key("other", user_id="ann")
        yield a, b


async def use(writer: Writer) -> Done:
    """A request as the routes make it: who is it, then a command, which makes another key."""
    await writer.identify(ANN)
    return await writer.make_key(uuid4().hex, by=ANN)


async def use_for_nothing(writer: Writer) -> Done:
    """A request that changes nothing once it was made before."""
    await writer.identify(ANN, "/key/block")
    return await writer.block_key("other", by=ANN)


FINAL: dict[str, Act] = {
    "key deleted": lambda writer: writer.delete_keys("ann's"),
    "member removed": lambda writer: writer.remove("t", "ann"),
    "team deleted": lambda writer: writer.delete("t"),
}
PASSING: dict[str, tuple[Act, Act]] = {
    "key": (
        lambda writer: writer.block_key("ann's"),
        lambda writer: writer.block_key("ann's", blocked=False),
    ),
    "team": (
        lambda writer: writer.block("t"),
        lambda writer: writer.block("t", blocked=False),
    ),
}


@pytest.mark.parametrize("request_of", [use, use_for_nothing])
@pytest.mark.parametrize("revoked", FINAL)
async def test_a_revoked_key_is_refused_by_another_loop(
    url: str, loops: tuple[Writer, Writer], revoked: str, request_of: Act
) -> None:
    a, b = loops
    for writer in (b, a, b):
        await request_of(writer)
    await FINAL[revoked](a)
    events = count(url, EVENTS)
    for writer in (b, a):
        with pytest.raises(AccessRefused) as refused:
            await request_of(writer)
        assert refused.value.status == 401
    assert count(url, EVENTS) == events


@pytest.mark.parametrize("request_of", [use, use_for_nothing])
@pytest.mark.parametrize("what", PASSING)
async def test_blocking_and_unblocking_are_followed_at_once(
    loops: tuple[Writer, Writer], what: str, request_of: Act
) -> None:
    a, b = loops
    block, unblock = PASSING[what]
    await request_of(b)
    for _ in range(3):
        await block(a)
        with pytest.raises(AccessRefused):
            await request_of(b)
        with pytest.raises(AccessRefused):
            await b.identify(ANN)
        await unblock(a)
        await request_of(b)


async def test_a_key_is_accepted_as_soon_as_it_exists_however_often_it_was_refused(
    loops: tuple[Writer, Writer],
) -> None:
    a, b = loops
    late = credential_of("late")
    for _ in range(2):
        with pytest.raises(AccessRefused):
            await b.identify(late)
    await a.make_key("late", user_id="ann")
    assert (await b.identify(late)).user_id == "ann"


async def test_a_member_who_comes_back_may_use_new_keys_only(
    loops: tuple[Writer, Writer],
) -> None:
    a, b = loops
    await use(b)
    await a.remove("t", "ann")
    await a.add("t", "ann")
    await a.make_key("new", team_id="t", user_id="ann")
    with pytest.raises(AccessRefused):
        await use(b)
    assert (await b.identify(credential_of("new"))).team_id == "t"


async def test_a_key_dies_with_the_life_of_its_team(loops: tuple[Writer, Writer]) -> None:
    a, b = loops
    await use(b)
    await a.delete("t")
    await a.create("t", "ann")
    with pytest.raises(AccessRefused):
        await use(b)


async def test_under_load_no_request_after_the_acknowledgement_is_let_in(
    loops: tuple[Writer, Writer],
) -> None:
    a, b = loops
    revoked = asyncio.Event()
    let_in: list[bool] = []
    refused: list[bool] = []

    async def client(writer: Writer) -> None:
        while sum(refused) < 40:
            began_after = revoked.is_set()
            try:
                await use(writer)
            except AccessRefused:
                refused.append(began_after)
            else:
                let_in.append(began_after)

    async def revoke() -> None:
        while len(let_in) < 40:
            await use(a)
        await a.block("t")
        revoked.set()

    await asyncio.gather(revoke(), *(client(b) for _ in range(8)))
    assert len(let_in) >= 40
    assert not any(let_in)
