"""A server that is asked to end answers whatever had reached it, and refuses what comes later."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from services.cli.server import FIRST_REQUEST_SECONDS, Server

LAST = b"connection: close\r\n"
NOT_LONG = 5.0
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def on_loop(story: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(story, NOT_LONG))

    return on_loop


async def hello(_: Scope, receive: Receive, send: Send) -> None:
    await receive()
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Server, int]]:
    """A server that was started, and its port; it is to be ended within."""
    config = uvicorn.Config(hello, port=0, http="httptools", lifespan="off", log_config=None)
    config.load()
    server = Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server, server.servers[0].sockets[0].getsockname()[1]
    assert server.server_state.connections == set()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=NOT_LONG)


def ask(client: socket.socket) -> None:
    client.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}")


async def told(client: socket.socket) -> bytes:
    """All that comes until the connection is closed."""
    return await asyncio.to_thread(
        lambda: b"".join(iter(lambda: client.recv(65536), b"")),
    )


async def asked_once(client: socket.socket) -> None:
    ask(client)
    answer = b""
    while not answer.endswith(b"hello"):  # head and body may come apart
        more = await asyncio.to_thread(client.recv, 65536)
        assert more
        answer += more
    assert LAST not in answer


def test_a_request_that_has_come_on_an_idle_connection_is_answered(run: Run) -> None:
    async def story() -> None:
        async with listening() as (server, port):
            with connected(port) as client:
                await asked_once(client)
                ask(client)
                await server.shutdown()
                answer = await told(client)
        assert answer.endswith(b"hello")
        assert LAST in answer

    run(story())


def test_so_is_one_on_a_connection_that_nobody_has_taken(run: Run) -> None:
    async def story() -> None:
        async with listening() as (server, port):
            clients = [connected(port) for _ in range(20)]
            for client in clients:
                ask(client)
            await server.shutdown()
            for client in clients:
                with client:
                    assert (await told(client)).endswith(b"hello")

    run(story())


def test_who_has_just_connected_is_waited_for(run: Run) -> None:
    async def story() -> None:
        async with listening() as (server, port):
            with connected(port) as client:
                ending = asyncio.create_task(server.shutdown())
                await asyncio.sleep(0)
                assert not server.servers[0].is_serving()
                ask(client)
                await ending
                assert (await told(client)).endswith(b"hello")

    run(story())


def test_but_not_for_long(run: Run) -> None:
    async def story() -> None:
        async with listening() as (server, port):
            with connected(port) as client:
                began = time.monotonic()
                await server.shutdown()
                assert time.monotonic() - began >= FIRST_REQUEST_SECONDS
                assert await told(client) == b""

    run(story())


def test_an_idle_connection_is_closed_and_a_new_one_refused(run: Run) -> None:
    async def story() -> None:
        async with listening() as (server, port):
            with connected(port) as client:
                await asked_once(client)
                ending = asyncio.create_task(server.shutdown())
                assert await told(client) == b""
                with pytest.raises(ConnectionRefusedError):
                    connected(port)
                await ending

    run(story())
