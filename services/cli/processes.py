"""`teamledger command` and `teamledger projection`: the two sides in processes of their own."""

from collections.abc import Callable
from typing import Annotated

import typer

from services import tracing
from services.cli.database import shared_databases
from services.cli.failures import explained
from services.cli.serve import check_address, listen
from services.database.schemas import Databases, prepare_events
from services.database.secrets import Secrets, load_secrets
from services.database.vault import check_root_key
from services.settings import Settings, load_settings
from services.telemetry import configure_logging

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.")]
Prepare = Callable[[Databases], None]
Make = Callable[[Settings, Secrets, Databases], object]


@explained
def command(host: Host = None, port: Port = None) -> None:
    """Take commands and usage, and nothing else; any number of processes may.

    Needs TEAMLEDGER_DATABASE_URL. What reads ask for is answered by `teamledger projection`.
    """
    from services.standalone import command_service  # the whole service takes half a second

    _serve("command", "commands", _prepare_events, command_service, host, port)


@explained
def projection(host: Host = None, port: Port = None) -> None:
    """Keep read models and answer reads and decisions from them; any number of processes may.

    Needs TEAMLEDGER_DATABASE_URL. Events come over Kafka if TEAMLEDGER_KAFKA_BOOTSTRAP is set. Read
    models are kept in TEAMLEDGER_READ_DATABASE_URL if that is set.
    """
    from services.standalone import projection_service

    _serve("projection", "reads", Databases.prepare, projection_service, host, port)


def _prepare_events(databases: Databases) -> None:
    prepare_events(databases.events)


def _serve(
    kind: str, what: str, prepare: Prepare, make: Make, host: str | None, port: int | None
) -> None:
    given = {"host": host, "port": port}
    settings = load_settings({name: value for name, value in given.items() if value is not None})
    configure_logging(settings.log_level)
    tracing.configure(kind)
    databases = shared_databases(settings)
    check_address(settings.host, settings.port)
    secrets = load_secrets(settings)
    prepare(databases)
    check_root_key(databases.events, secrets.root_key)
    app = make(settings, secrets, databases)
    typer.echo(f"teamledger takes {what} on http://{settings.host}:{settings.port}")
    listen(settings, app)
