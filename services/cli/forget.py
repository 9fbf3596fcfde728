"""`teamledger forget` and `teamledger forgotten`: what a backup cannot know of itself.

A backup that was made before somebody was forgotten holds his key, and a log that does not know of
it. Whoever restores it has to forget him again: from a list that was kept beside the backups.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import psycopg
import typer
import uuid_utils

from events.envelope import decode
from events.streams import kind_and_id
from events.values import JsonObject, timestamp
from services.access.principal import Credential
from services.cli.database import any_log, databases_at
from services.cli.failures import ListUnusable, explained
from services.command.application.forgetting import FORGET, Forgetting, Forgotten
from services.command.application.loop import CommandLoop
from services.command.application.requests import Origin
from services.command.application.store import EventStore
from services.command.domain.errors import NotFound
from services.database.connections import entered_pool, service_conninfo
from services.database.schemas import Databases
from services.database.secrets import load_secrets
from services.database.vault import Vault
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.runner import ProjectionGroup
from services.settings import load_settings

DEADLINE, LONGEST_SECONDS = 60.0, 3_600.0
_FORGOTTEN = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE topic = 'user.forgotten' ORDER BY notification_id
"""


@explained
def forget(
    user_ids: Annotated[list[str] | None, typer.Argument(help="Users to forget.")] = None,
    list_file: Annotated[
        Path | None,
        typer.Option("--list", help="What `teamledger forgotten` printed, - for standard input."),
    ] = None,
) -> None:
    """Forget users for good, as POST /v1/users/{id}/forget does; prints one JSON object each.

    After a backup was restored, forget those again who were forgotten since it was made. The
    service may go on running. Who is not known there is reported and left out.
    """
    wanted = list(dict.fromkeys([*(user_ids or []), *_listed(list_file)]))
    if not wanted and list_file is None:
        raise typer.BadParameter("name users, or a list of them by --list")
    settings = load_settings()
    with any_log(settings) as url:
        databases = databases_at(url, settings)
        databases.prepare()
        asyncio.run(_forget(databases, load_secrets(settings).root_key, wanted))


@explained
def forgotten() -> None:
    """Print who was forgotten, one JSON object a line: to be kept beside the backups."""
    with (
        any_log(load_settings()) as url,
        psycopg.connect(service_conninfo(url), autocommit=True) as conn,
    ):
        for row in conn.execute(_FORGOTTEN, binary=True):
            at = decode(*row)
            typer.echo(
                orjson.dumps(
                    {
                        "user_id": kind_and_id(at.originator_id)[1],
                        "position": at.position,
                        "recorded_at": timestamp(at.recorded_at),
                    }
                )
            )


def _listed(file: Path | None) -> Iterator[str]:
    """The users of a list, whatever else its lines tell of them. Raises ListUnusable."""
    if file is None:
        return
    try:
        lines = _read(file).splitlines()
    except OSError as failed:
        raise ListUnusable(f"the list cannot be read: {failed.strerror}") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _user_id(number, line)


def _read(file: Path) -> bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def _user_id(number: int, line: bytes) -> str:
    try:
        match orjson.loads(line):
            case {"user_id": str() as user_id}:
                return user_id
    except orjson.JSONDecodeError:
        pass
    raise ListUnusable(f'line {number} of the list is no JSON object with a "user_id"')


async def _forget(databases: Databases, root_key: bytes, user_ids: list[str]) -> None:
    async with _opened(databases, root_key) as opened:
        position = 0
        for user_id in user_ids:
            told, position = await opened.forget(user_id, position)
            typer.echo(orjson.dumps(told))
        if position:
            await opened.follow(position)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What it takes to forget, and to have read models forget, too."""

    forgetting: Forgetting
    group: ProjectionGroup

    async def forget(self, user_id: str, position: int) -> tuple[JsonObject, int]:
        """What came of it, and up to where the log tells it."""
        credential = Credential(token="", tail="", master=True)
        identity = str(uuid_utils.uuid7())
        origin = Origin(credential, FORGET, FORGET, identity, identity)
        try:
            done = await self.forgetting.carry_out(user_id, origin, _told)
        except NotFound:
            return {"user_id": user_id, "known": False}, position
        return {"user_id": user_id, "known": True, **done.answer}, done.position

    async def follow(self, position: int) -> None:
        """Have the text erased from read models now, whether or not a service runs."""
        following = asyncio.create_task(self.group.run())
        try:
            await self.group.wait_for(position, LONGEST_SECONDS)
        finally:
            await self.group.stop()
            await following


def _told(answer: Forgotten) -> dict[str, Any]:
    return {
        "deleted": answer.deleted,
        "persons": answer.persons,
        "id_remains": answer.id_remains,
    }


@asynccontextmanager
async def _opened(databases: Databases, root_key: bytes) -> AsyncIterator[_Opened]:
    async with AsyncExitStack() as stack:
        conninfo = service_conninfo(databases.events)
        pool = await entered_pool(stack, conninfo, "forget", 1, 4)
        read_conninfo = service_conninfo(databases.reads)
        read_pool = await entered_pool(stack, read_conninfo, "forget reads", 1, 2)
        vault = Vault(pool, root_key)
        await vault.open()
        feed = StoreFeed(pool, conninfo)
        stack.push_async_callback(feed.close)
        loop = CommandLoop(EventStore(pool, conninfo), queue_size=1, deadline=DEADLINE)
        await loop.start()
        stack.push_async_callback(loop.stop)
        projectors = contract_projectors(vault.open_all)
        group = ProjectionGroup(GROUP, projectors, feed, read_pool, Head(pool))
        yield _Opened(Forgetting(loop, vault), group)
