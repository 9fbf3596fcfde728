"""One taker-in of a filling: folds parts of the log and copies the rows, ready, into the tables."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.projection.filling import spans
from services.projection.filling.folding import Folder, Reaching, reaching, topics_of
from services.projection.filling.job import Job
from services.projection.filling.parts import parts
from services.projection.filling.spans import Span
from services.projection.projector import FactFailed, Projector
from services.projection.rows import copy_rows

READING = ("enable_seqscan=off", "enable_sort=off", "enable_bitmapscan=off", "jit=off")
"""By the index of streams, page by page, whatever is known of the table: it may be new."""

WRITING = ("synchronous_commit=off",)
"""Rows and how far they reach are lost together, or not at all."""


async def load(job: Job, projectors: Sequence[Projector]) -> None:
    """Take spans and fill them until none is free; any number of processes may do so at once.

    A fact that cannot be folded is noted with the spans, and ends everybody's work. Raises
    spans.Superseded when another run, or another process, has taken this one's place.
    """
    async with _open(job.log.conninfo, READING) as log, _open(job.target, WRITING) as target:
        await log.set_autocommit(True)
        reading, writing = log.cursor(binary=True), target.cursor()
        try:
            known = await reaching(reading, job.log, job.upto, projectors)
            while (await spans.state(writing, job.place)).failure is None:
                span = await spans.take(writing, job)
                await target.commit()
                if span is None:
                    return
                await _Filling(job, span, projectors, known).fill(reading, writing)
        except FactFailed as failed:
            await target.rollback()
            await spans.fail(writing, job, str(failed))
            await target.commit()


class _Filling:
    """One span on its way into the tables: a transaction for each part, and for each long stream.

    Rows of a long stream are kept until its end, but for those that are never touched again.
    """

    def __init__(
        self, job: Job, span: Span, projectors: Sequence[Projector], known: Reaching
    ) -> None:
        self._job, self._span = job, span
        self._projectors = projectors
        self._folder = Folder(projectors, known)
        self._events = 0

    async def fill(self, reading: AsyncCursor[Any], writing: AsyncCursor[Any]) -> None:
        topics = topics_of(self._projectors)
        async with aclosing(parts(reading, self._job, self._span, topics)) as read:
            async for part in read:
                await self._folder.fold(part)
                await self._copy(writing, all_tables=part.ends)
                self._events += len(part.facts)
                if part.ends:
                    await self._save(writing, part.last)
        await self._save(writing, None)

    async def _save(self, writing: AsyncCursor[Any], reached: str | None) -> None:
        self._span = await spans.reach(writing, self._job, self._span, reached, self._events)
        await writing.connection.commit()
        self._events = 0

    async def _copy(self, writing: AsyncCursor[Any], *, all_tables: bool) -> None:
        for projector in self._projectors:
            table = projector.table
            if not (all_tables or table.append_only):
                continue
            if rows := self._folder.rows.pop(table.name, None):
                schema, name = self._job.place.named(table.name)
                await copy_rows(writing, table, table.statements(name, schema), rows)


@asynccontextmanager
async def _open(conninfo: str, options: Sequence[str]) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection with these settings; it commits when it is told to."""
    known = conninfo_to_dict(conninfo)
    settings = " ".join(f"-c {option}" for option in options)
    known["options"] = f"{known.get('options') or ''} {settings}".strip()
    async with await psycopg.AsyncConnection.connect(make_conninfo("", **known)) as connection:
        yield connection
