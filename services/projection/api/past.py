"""`as_of`: the same question, answered from what was recorded then (decision 016)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from services.access.principal import VIEWER, Principal
from services.edge.errors import ShapeB
from services.projection.api.asked import Asked, Text
from services.projection.api.dependencies import Reader
from services.projection.past.folding import Folding
from services.projection.past.moment import Moment, NoMoment, present, resolve
from services.projection.past.scope import Scope
from services.projection.past.sight import hide
from services.projection.past.tables import asked, empty
from services.projection.queries.reading import Connection

AS_OF = "as_of"
SECONDS = 8.0
"""How long the past may take to be made; then it is given up."""

Today = Callable[[], Awaitable[Principal]]
"""The rights that the caller has on the thing today; raises the refusal of who has none."""


class AskedAsOf(Asked):
    """What may be asked as of an earlier moment."""

    as_of: Annotated[Text | None, Field(max_length=100)] = None


@asynccontextmanager
async def as_of(
    reader: Reader, text: str | None, scope: Scope, today: Today | None = None
) -> AsyncIterator[Reader]:
    """The reader as it is or, with a moment, one whose read models, ledger and clock are of then.

    Within, everything that was ever linked to the `scope` is as it was. Raises a 400, shape B, for
    what is no moment, a 503 where there is too much to fold.
    """
    if text is None:
        yield reader
        return
    principal = reader.principal if today is None else await today()
    async with _at(reader, await _moment(reader, text), scope, principal) as at:
        yield at


@asynccontextmanager
async def as_of_or_now(reader: Reader, text: str | None, scope: Scope) -> AsyncIterator[Reader]:
    """The same for questions that are put to the past alone: without a moment it is this one."""
    if text is None:
        moment = await present(datetime.now(UTC), reader.head, reader.context.ledger_pool)
    else:
        moment = await _moment(reader, text)
    async with _at(reader, moment, scope, reader.principal) as at:
        yield at


@asynccontextmanager
async def _at(
    reader: Reader, moment: Moment, scope: Scope, principal: Principal
) -> AsyncIterator[Reader]:
    async with _past(reader, moment, scope) as connection:
        await hide(connection, reader.principal, keys=not principal.reads_everything)
        async with asked(connection) as held:
            context = replace(reader.context, read_pool=held.pool, then=moment)
            yield Reader(context, principal, reader.head)


def seeing_all(principal: Principal) -> Principal:
    """The caller where he sees all of what is asked for: rights of then do not count."""
    return replace(principal, role=VIEWER)


def too_long() -> ShapeB:
    """What is answered where so much has changed since that it cannot be folded in time."""
    text = (
        f"The past of so much takes more than {SECONDS:g} seconds to make: ask about one team, "
        "user or organization, or about a later moment"
    )
    return ShapeB(503, text, "service_unavailable")


def no_moment(why: str) -> ShapeB:
    """The refusal of an `as_of` that is none."""
    return ShapeB(400, f"as_of: {why}", "bad_request_error", AS_OF)


async def _moment(reader: Reader, text: str) -> Moment:
    context = reader.context
    try:
        return await resolve(
            text, datetime.now(UTC), reader.head, context.events_pool, context.ledger_pool
        )
    except NoMoment as error:
        raise no_moment(str(error)) from None


@asynccontextmanager
async def _past(reader: Reader, moment: Moment, scope: Scope) -> AsyncIterator[Connection]:
    context = reader.context
    folding = Folding.of(context.events_pool, context.group, moment.position)
    async with _in_time():
        await context.pasts.acquire()
    try:
        async with empty(context.read_pool, moment.position) as connection:
            async with _in_time():
                await folding.fill(connection, scope)
            yield connection
    finally:
        context.pasts.release()


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except TimeoutError:
        raise too_long() from None
