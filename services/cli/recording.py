"""Recording what was done to the log from the command line, as an operator."""

import uuid_utils

from events.audit import Copied
from services.access.principal import Credential
from services.command.application.copies import EXPORT, RecordCopy
from services.command.application.loop import CommandLoop
from services.command.application.requests import Origin
from services.command.application.store import EventStore
from services.database.connections import open_pool

DEADLINE = 60.0


async def record(conninfo: str, fact: Copied) -> int:
    """Record a copy of the log, whether or not a service runs; its position."""
    pool = await open_pool(conninfo, 1, 2, "audit")
    try:
        loop = CommandLoop(EventStore(pool, conninfo), queue_size=1, deadline=DEADLINE)
        await loop.start()
        try:
            identity = str(uuid_utils.uuid7())
            credential = Credential(token="", tail="", master=True)
            origin = Origin(credential, EXPORT, EXPORT, identity, identity)
            done = await loop.handle(RecordCopy(fact), origin, lambda answer: answer)
        finally:
            await loop.stop()
    finally:
        await pool.close()
    return done.position
