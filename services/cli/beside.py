"""An application that answers beside the work of a process, in a thread of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from fastapi import FastAPI

STOP_SECONDS = 5


@contextmanager
def answering(app: "FastAPI", host: str, port: int) -> Iterator[None]:
    """Meanwhile the application answers there; requests under way at the end are given up soon.

    Whether the address is free was to be looked at before. Signals are the main thread's.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="operation", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
