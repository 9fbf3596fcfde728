"""An HTTP server that loses no request that had reached it when it was asked to end."""

import asyncio
import select
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

FIRST_REQUEST_SECONDS = 1.0
"""How long the first request of a connection is waited for: a router connects when it has one."""

_TURN = 0.01
_LAST = (b"connection", b"close")


class Server(uvicorn.Server):
    """uvicorn's, which closes connections that it takes for idle though a request has come.

    Whoever sent it cannot know whether it was carried out, and a router must not send it again.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new connections and answer what had come; each answer is the last of its own."""
        self.server_state.default_headers = [*self.server_state.default_headers, _LAST]
        for connection in self._stop_listening():
            await self._take(connection)
        await asyncio.sleep(_TURN)
        for _ in range(round(FIRST_REQUEST_SECONDS / _TURN)):
            if self.force_exit or not self._close_idle():
                break
            await asyncio.sleep(_TURN)
        await super().shutdown(sockets)

    def _stop_listening(self) -> list[socket.socket]:
        """What the kernel had connected by then and nobody has taken; it would be reset."""
        taken: list[socket.socket] = []
        for server in self.servers:
            listening = [each.dup() for each in server.sockets]
            server.close()
            for listener in listening:
                with closing(listener):
                    taken.extend(_connected(listener))
        return taken

    async def _take(self, connection: socket.socket) -> None:
        protocol = partial(
            HttpToolsProtocol,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)

    def _close_idle(self) -> bool:
        """Close what nothing has come on since its last answer; whether requests are awaited."""
        waiting = select.poll()
        idle: dict[int, HttpToolsProtocol] = {}
        awaited = False
        for connection in self.server_state.connections:
            if not isinstance(connection, HttpToolsProtocol):
                continue
            if connection.cycle is None:
                awaited = True
            elif connection.cycle.response_complete:
                number = connection.transport.get_extra_info("socket").fileno()
                idle[number] = connection
                waiting.register(number, select.POLLIN)
            else:
                connection.shutdown()
        come = dict(waiting.poll(0))
        for number, connection in idle.items():
            if number not in come:
                connection.shutdown()
        return awaited or bool(come)


def _connected(listener: socket.socket) -> Iterator[socket.socket]:
    listener.settimeout(0)
    while True:
        with suppress(ConnectionAbortedError):
            try:
                yield listener.accept()[0]
            except BlockingIOError:
                return
