"""One stream as it was at a moment: the rows that read models had of it then."""

import asyncio
import sys
from typing import Any

import orjson
import typer
from psycopg import AsyncConnection

from events.values import timestamp
from services.projection.feed.store import decode_row
from services.projection.filling.folding import Folder, reaching
from services.projection.filling.job import Log
from services.projection.filling.parts import Part
from services.projection.filling.taker import keep_sealed
from services.projection.progress import Progress
from services.projection.projectors import contract_projectors
from services.projection.rows import Settled, Table

_FACTS = """
SELECT originator_id, originator_version, notification_id, topic, state FROM events.stored_events
WHERE originator_id = %s AND notification_id <= %s ORDER BY originator_version
"""


def print_past(conninfo: str, stream: str, at: Progress) -> None:
    """Print it as one JSON object, the rows by table; exits with 1 if nothing was recorded of it.

    Facts of other streams that bear on it are in it: who was deleted by then is in no team.
    """
    state = asyncio.run(_state(conninfo, stream, at))
    if state is None:
        typer.echo(f"nothing was recorded of {stream} up to position {at.position}", err=True)
        raise typer.Exit(1)
    sys.stdout.write(orjson.dumps(state, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


async def _state(conninfo: str, stream: str, at: Progress) -> dict[str, Any] | None:
    # Its log of changes is what `replay` shows of it without a state.
    projectors = [each for each in contract_projectors(keep_sealed) if each.table.name != "audit_1"]
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        cursor = connection.cursor(binary=True)
        await cursor.execute(_FACTS, (stream, at.position))
        facts = [decode_row(row) for row in await cursor.fetchall()]
        if not facts:
            return None
        known = await reaching(cursor, Log(conninfo), at.position, projectors)
    folder = Folder(projectors, known)
    await folder.fold(Part(facts, stream))
    return {
        "stream": stream,
        "position": at.position,
        "version": facts[-1].originator_version,
        "changed_at": timestamp(facts[-1].recorded_at),
        "rows": {
            each.table.name: _objects(each.table, folder.rows[each.table.name])
            for each in projectors
            if folder.rows[each.table.name]
        },
    }


def _objects(table: Table, rows: Settled) -> list[dict[str, Any]]:
    names = dict.fromkeys(table.columns)
    return [dict(zip(table.key, key, strict=True)) | names | row for key, row in rows.items()]
