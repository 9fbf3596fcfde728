"""How commands of the CLI find the database: by URL, or the one embedded in the data directory."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.database.connections import check_address
from services.database.data_directory import DataDirectoryError
from services.database.embedded import EmbeddedServer
from services.database.revival import Revival
from services.database.schemas import Databases, check_log
from services.settings import KafkaSettings, Settings, SettingsError


def databases_at(url: str, settings: Settings) -> Databases:
    """The database of the events at `url`, and that of the read models: elsewhere if so set."""
    if settings.read_database_url is None:
        return Databases(url, url)
    elsewhere = settings.read_database_url.get_secret_value()
    check_address(elsewhere, "TEAMLEDGER_READ_DATABASE_URL")
    return Databases(url, elsewhere)


def shared_databases(settings: Settings) -> Databases:
    """Those that several processes work on: never an embedded one. Raises SettingsError."""
    if settings.database_url is None:
        raise SettingsError(
            "TEAMLEDGER_DATABASE_URL is not set: processes of their own share a PostgreSQL that "
            "is there already; `teamledger serve` is the one that brings its own"
        )
    return databases_at(settings.database_url.get_secret_value(), settings)


@contextmanager
def locked_database(settings: Settings) -> Iterator[str]:
    """The database for a service: an embedded one is started, and locked for this process.

    If it ends meanwhile it is started again.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedServer(settings.data_dir) as server, Revival(server):
        yield server.conninfo()


@contextmanager
def any_database(settings: KafkaSettings) -> Iterator[str]:
    """The database for a visitor: that of a running service, else one started for the purpose.

    Raises DataDirectoryError where there is none: visitors make no database.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = _made_before(settings)
    try:
        server.start()
    except DataDirectoryError:
        if server.postmaster_pid() is None:
            raise
    try:
        yield server.conninfo()
    finally:
        server.stop()


@contextmanager
def any_log(settings: KafkaSettings) -> Iterator[str]:
    """The database for a visitor of what a service has kept.

    Raises likewise, and DatabaseUnusable where none has: visitors make no schemas either.
    """
    with any_database(settings) as url:
        check_log(url)
        yield url


@contextmanager
def locked_log(settings: Settings) -> Iterator[str]:
    """The same for whoever changes what a service works with, and locks it out meanwhile."""
    if settings.database_url is None:
        _made_before(settings)
    with locked_database(settings) as url:
        check_log(url)
        yield url


def _made_before(settings: KafkaSettings) -> EmbeddedServer:
    server = EmbeddedServer(settings.data_dir)
    if not server.exists:
        raise DataDirectoryError(
            f"{server.data_dir} holds no database: set TEAMLEDGER_DATA_DIR to where "
            "`teamledger serve` keeps it, or TEAMLEDGER_DATABASE_URL"
        )
    return server
