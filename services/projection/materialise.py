"""Read models of their own, beside those that are served: of a past state, or of an export.

They are for reading with SQL. Nothing follows the log into them, and personal data stays sealed:
its columns are empty, so that whoever is forgotten later is in no copy (decision 018).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from psycopg import AsyncConnection, AsyncCursor
from psycopg.sql import SQL, Identifier

from services.database.connections import owner_conninfo
from services.projection import shadow
from services.projection.filling import spans
from services.projection.filling.crew import Crew, Told, fill
from services.projection.filling.folding import topics_of
from services.projection.filling.job import Job, Log, Place
from services.projection.progress import Progress, load, save
from services.projection.projector import Projector
from services.projection.projectors import GROUP
from services.projection.rows import Table
from services.projection.shadow import SHADOWS
from services.projection.staging import TABLE as STAGED
from services.projection.statements import SCHEMA

LONGEST_NAME = 63
OURS = ("events", "usage", "ops", "read", "public", "information_schema")


class DestinationUnusable(Exception):
    """What is there already would be mixed up with what is to be made."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A schema of a database that has our read models, or, without one, another database.

    `url` is the address of the database as its owner.
    """

    url: str
    schema: str | None = None

    @property
    def place(self) -> Place:
        """Where the tables are filled; those of another database are then named as ours are."""
        return SHADOWS if self.schema is None else Place(self.schema, "")

    async def claim(self) -> None:
        """Raise DestinationUnusable unless there is room; the schema is made here."""
        async with await _connect(self.url) as connection:
            cursor = connection.cursor()
            if self.schema is None:
                if (found := await load(cursor, GROUP)).position:
                    raise DestinationUnusable(
                        f"that database holds read models up to position {found.position} already: "
                        "name an empty one"
                    )
                return
            if self.schema in OURS or self.schema.startswith("pg_"):
                raise DestinationUnusable(f"the schema {self.schema} is not free")
            if not 0 < len(self.schema.encode()) <= LONGEST_NAME or "\0" in self.schema:
                raise DestinationUnusable("the name of a schema has 1 to 63 bytes")
            await cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", (self.schema,))
            if await cursor.fetchall():
                raise DestinationUnusable(f"there is a schema {self.schema} already")
            await cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(self.schema)))

    async def give_up(self, projectors: Sequence[Projector]) -> None:
        """Leave nothing of what was made since it was claimed."""
        async with await _connect(self.url) as connection:
            cursor = connection.cursor()
            if self.schema is not None:
                drop = SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(self.schema))
                await cursor.execute(drop)
                return
            await shadow.drop(cursor, [each.table for each in projectors])
            await spans.drop(cursor, SHADOWS)
            await cursor.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(SCHEMA, STAGED)))


async def materialise(  # noqa: PLR0913
    log: Log,
    at: Progress,
    destination: Destination,
    projectors: Sequence[Projector],
    *,
    crew: Callable[[int], Crew],
    told: Told,
) -> dict[str, int]:
    """Fill a claimed destination with what a log comes to at a position; rows by table.

    The position has to end a command. Raises FeedBroken, and what filling raises.
    """
    tables = [each.table for each in projectors]
    job = Job(log, owner_conninfo(destination.url), destination.place, at.position, uuid4())
    async with await _connect(destination.url) as connection:
        cursor = connection.cursor()
        planned = await spans.plan(job, topics_of(projectors))
        async with connection.transaction():
            await shadow.create(cursor, tables, job.place)
            await spans.begin(cursor, job, planned)
        await fill(connection, job, crew(planned.total), told)
        await shadow.index(cursor, tables, job.place)
        async with connection.transaction():
            await _settle(cursor, destination, tables, at)
        return {table.name: await _count(cursor, destination, table) for table in tables}


async def _settle(
    cursor: AsyncCursor[Any], destination: Destination, tables: Sequence[Table], at: Progress
) -> None:
    """Say at which position they stand, in the way that the served ones do."""
    await spans.drop(cursor, destination.place)
    if destination.schema is None:
        await shadow.swap(cursor, tables)
        await save(cursor, GROUP, at)
        return
    groups = Identifier(destination.schema, "groups")
    create = SQL("CREATE TABLE {} (LIKE read.groups INCLUDING ALL)").format(groups)
    await cursor.execute(create)
    insert = SQL("INSERT INTO {} VALUES (%s, %s, %s, %s)").format(groups)
    await cursor.execute(insert, (GROUP, at.position, at.epoch, at.event_id))


async def _count(cursor: AsyncCursor[Any], destination: Destination, table: Table) -> int:
    name = Identifier(destination.schema or SCHEMA, table.name)
    await cursor.execute(SQL("SELECT count(*) FROM {}").format(name))
    [(found,)] = await cursor.fetchall()
    return int(found)


async def _connect(url: str) -> AsyncConnection[Any]:
    return await AsyncConnection.connect(owner_conninfo(url), autocommit=True)
