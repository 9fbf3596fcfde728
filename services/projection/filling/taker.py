"""A process that takes part in a filling: its order is the first line of its standard input.

It ends when there is nothing left to take, or when that input ends: with whoever started it.
"""

import asyncio
import gc
import os
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import psycopg

from events.values import Sealed
from services.database.connections import DatabaseUnusable, open_pool
from services.database.vault import Vault
from services.projection.filling.job import Order
from services.projection.filling.loader import load
from services.projection.filling.spans import Superseded
from services.projection.projector import OpenSealed
from services.projection.projectors import contract_projectors


async def keep_sealed(boxes: Sequence[Sealed]) -> Mapping[Sealed, str | None]:
    """Nobody's data is opened: as if all were forgotten."""
    return dict.fromkeys(boxes)


@asynccontextmanager
async def _opener(conninfo: str, root_key: bytes | None) -> AsyncIterator[OpenSealed]:
    if root_key is None:
        yield keep_sealed
        return
    pool = await open_pool(conninfo, 1, 2, "filling")
    try:
        vault = Vault(pool, root_key)
        await vault.open()
        yield vault.open_all
    finally:
        await pool.close()


async def _take_part(order: Order) -> None:
    async with _opener(order.job.log.conninfo, order.root_key) as open_sealed:
        every, tables = contract_projectors(open_sealed), order.tables
        projectors = [each for each in every if tables is None or each.table.name in tables]
        with suppress(Superseded):
            await load(order.job, projectors)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    """Take part."""
    order = Order.of(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    spare_the_collector()
    try:
        asyncio.run(_take_part(order))
    except (psycopg.OperationalError, DatabaseUnusable) as lost:
        sys.exit(f"a process that was filling tables has ended: {lost}")


def spare_the_collector() -> None:
    """Facts and rows are many, live for a moment, and hold no cycles."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


if __name__ == "__main__":
    main()
