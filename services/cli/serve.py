"""`teamledger serve`: both services in one process."""

import errno
import gc
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn

from services import tracing
from services.cli.database import databases_at, locked_database
from services.cli.failures import AddressUnusable, explained
from services.cli.server import Server
from services.database.secrets import load_secrets
from services.database.vault import check_root_key
from services.settings import Settings, load_settings
from services.telemetry import configure_logging

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 75
"""Longer than routers keep a connection (nginx: 60): who closes first loses what is on its way."""


@explained
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded database and the keys live.")
    ] = None,
) -> None:
    """Start the service: embedded PostgreSQL unless TEAMLEDGER_DATABASE_URL is set."""
    from services.standalone import standalone  # the whole service takes half a second

    given = {"host": host, "port": port, "data_dir": data_dir}
    settings = load_settings({name: value for name, value in given.items() if value is not None})
    configure_logging(settings.log_level)
    tracing.configure("serve")
    check_address(settings.host, settings.port)
    secrets = load_secrets(settings)
    if secrets.created_master_key:
        typer.echo(f"master key, shown this once: {secrets.master_key}")
    with locked_database(settings) as url:
        databases = databases_at(url, settings)
        databases.prepare()
        check_root_key(databases.events, secrets.root_key)
        app = standalone(settings, secrets, databases)
        typer.echo(f"teamledger listens on http://{settings.host}:{settings.port}")
        listen(settings, app)


def check_address(host: str, port: int, variables: str = "TEAMLEDGER_{}") -> None:
    """Raise AddressUnusable now rather than when the database has been started.

    `variables` is how those are called that set HOST and PORT.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failures = [_failure(family, address) for family, _, _, _, address in found]
        fatal = [f for f in failures if f is not None and f.errno == errno.EADDRINUSE]
        if None not in failures:
            fatal += filter(None, failures)
        if fatal:
            raise fatal[0]
    except OSError as failed:
        raise AddressUnusable(
            f"cannot listen on {host}:{port}: {failed.strerror}; "
            f"set {variables.format('HOST')} and {variables.format('PORT')} to an address that is "
            "free"
        ) from failed


def _failure(family: int, address: Any) -> OSError | None:  # noqa: ANN401
    """Why an address cannot be listened on; some names have one in a family that is off."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as failed:
        return failed
    return None


def listen(settings: Settings, app: object) -> None:
    """Answer until SIGINT or SIGTERM; requests under way are finished."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)  # of 100,000 young objects one collection takes 50 ms
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=settings.host,
        port=settings.port,
        loop="auto",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=2048,
    )
    server = Server(config)
    # uvicorn raises the signal again when it is done; the embedded database is still to be stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(3)
