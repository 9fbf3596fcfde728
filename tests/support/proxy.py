"""A proxy in front of PostgreSQL's socket that cuts a connection at a chosen statement.

It knows nothing of the protocol: a statement is recognised by bytes it contains, such as the name
of a stream that only one append holds.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.postgres import open_directory

CHUNK = 1024 * 1024
Moment: TypeAlias = Literal["before", "half", "after", "answered", "delayed", "frozen"]
"""When the connection ends, seen from the statement.

before    it never reaches the server
half      the server gets the first half of its bytes
after     the server has all of it, and nobody to answer
answered  the server has carried it out; its answer does not arrive
delayed   as `before`, but the server gets it later, when `release` is called
frozen    as `before`, but neither end is told until `release` is called
"""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """`happened` once the client is cut off, `ended` once the server's session is over too.

    With `after`, statements count of a session that has sent one with these bytes before.
    """

    marker: bytes
    moment: Moment
    after: bytes = b""
    happened: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def release(self) -> None:
        """Let go what is held back."""
        self.released.set()
        await self.ended.wait()


class Proxy:
    """Passes bytes between clients and the server; `cut` arms it for one statement."""

    def __init__(self, server_socket: Path) -> None:
        self._server_socket = server_socket
        self._armed: Cut | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    def cut(self, marker: str, moment: Moment, *, after: str = "") -> Cut:
        """Cut off the next statement that contains `marker`."""
        self._armed = Cut(marker.encode(), moment, after.encode())
        return self._armed

    def due(self, data: bytes, prepared: set[Cut]) -> Cut | None:
        """The cut that these bytes of a client bring about, if any; each comes once.

        `prepared` are those for which this session has sent what has to come before.
        """
        armed = self._armed
        if armed is None:
            return None
        if armed not in prepared and armed.after not in data:
            return None
        prepared.add(armed)
        if armed.marker not in data:
            return None
        self._armed = None
        return armed

    async def serve(self, client: StreamReader, to_client: StreamWriter) -> None:
        """One connection, until either side or a cut ends it."""
        server, to_server = await asyncio.open_unix_connection(self._server_socket)
        session = _Session(self, client, to_client, server, to_server)
        task = asyncio.create_task(session.run())
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        await asyncio.wait([task])

    async def close(self) -> None:
        for session in self._sessions:
            session.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions)


class _Session:
    def __init__(
        self,
        proxy: Proxy,
        client: StreamReader,
        to_client: StreamWriter,
        server: StreamReader,
        to_server: StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._client, self._to_client = client, to_client
        self._server, self._to_server = server, to_server
        self._muted = False
        self._prepared: set[Cut] = set()
        self._answered = asyncio.Event()

    async def run(self) -> None:
        pumps = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._to_client.transport.abort()
            self._to_server.close()

    async def _up(self) -> None:
        while data := await self._client.read(CHUNK):
            cut = self._proxy.due(data, self._prepared)
            if cut is not None:
                await self._carry_out(cut, data)
                return
            self._to_server.write(data)
            await self._to_server.drain()

    async def _down(self) -> None:
        while data := await self._server.read(CHUNK):
            self._answered.set()
            if not self._muted:
                self._to_client.write(data)
                await self._to_client.drain()

    async def _carry_out(self, cut: Cut, data: bytes) -> None:
        self._muted = True
        self._answered.clear()
        try:
            await self._up_to(cut, data)
            self._to_client.transport.abort()
        finally:
            cut.happened.set()
            cut.ended.set()

    async def _up_to(self, cut: Cut, data: bytes) -> None:
        match cut.moment:
            case "before":
                return
            case "half":
                self._to_server.write(data[: len(data) // 2])
            case "after":
                self._to_server.write(data)
            case "answered":
                self._to_server.write(data)
                await self._answered.wait()
            case "delayed":
                self._to_client.transport.abort()
                cut.happened.set()
                await cut.released.wait()
                self._to_server.write(data)
                await self._answered.wait()
            case "frozen":
                cut.happened.set()
                await cut.released.wait()


@asynccontextmanager
async def proxied(conninfo: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy, and the conninfo that leads through it to the same database."""
    address = conninfo_to_dict(conninfo)
    socket = f".s.PGSQL.{address['port']}"
    proxy = Proxy(Path(str(address["host"])) / socket)
    with open_directory() as folder:
        server = await asyncio.start_unix_server(proxy.serve, folder / socket)
        async with server:
            yield proxy, make_conninfo(conninfo, host=str(folder))
            await proxy.close()
