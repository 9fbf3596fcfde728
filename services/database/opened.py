"""The database of the events as a process works on it, whichever side it serves."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from services.database.connections import Pool, entered_pool, service_conninfo
from services.database.vault import Vault


@dataclass(frozen=True, slots=True)
class EventDatabase:
    """Its address under the service role, connections to it, and the keys of personal data."""

    conninfo: str
    pool: Pool
    vault: Vault


async def opened_events(url: str, root_key: bytes, stack: AsyncExitStack) -> EventDatabase:
    """Open until the stack is closed. Raises DatabaseUnusable and WrongRootKey."""
    conninfo = service_conninfo(url)
    pool = await entered_pool(stack, conninfo, "events")
    vault = Vault(pool, root_key)
    await vault.open()
    return EventDatabase(conninfo, pool, vault)
