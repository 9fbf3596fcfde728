"""A sealed log of teams and usage, and its export."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.cli.audit_lines import export_lines
from services.database.connections import Pool, open_pool, service_conninfo
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.seal.sealer import Sealer
from services.projection.seal.sinks import Sink
from services.proof import export
from services.proof.verify import Verdict, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


class Watched(StoreFeed):
    """Tells where whoever waits for news believes the log to end."""

    def __init__(self, pool: Pool, conninfo: str) -> None:
        super().__init__(pool, conninfo)
        self.waited_behind = asyncio.Queue[int]()

    async def wait(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109
        self.waited_behind.put_nowait(position)
        return await super().wait(position, timeout)


@dataclass(frozen=True, slots=True)
class Sealing:
    """A sealer that does its work when it is told to."""

    sealer: Sealer
    pool: Pool
    feed: Watched

    async def seal(self) -> None:
        """Everything there is, and a checkpoint of it."""
        await self.sealer.introduce()
        while await self.sealer.seal():
            pass
        await self.sealer.check()


@asynccontextmanager
async def sealing(
    url: str, *, key: Ed25519PrivateKey = KEY, sink: Sink | None = None
) -> AsyncIterator[Sealing]:
    conninfo = service_conninfo(url)
    pool = await open_pool(conninfo, 1, 4, "seal")
    feed = Watched(pool, conninfo)
    try:
        sealer = Sealer(pool, feed, Head(pool), key, sink=sink, checkpoint_seconds=0)
        yield Sealing(sealer, pool, feed)
    finally:
        await feed.close()
        await pool.close()


def exported(url: str, file: Path) -> Path:
    with psycopg.connect(service_conninfo(url), autocommit=True) as conn:
        export.write(file, export_lines(conn, lambda *_: None))
    return file


def verified(file: Path, *trusted: str, verifiers: Sequence[str] = ()) -> Verdict:
    return verify(export.read(file), trusted=trusted, verifiers=verifiers)
