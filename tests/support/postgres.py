"""A real PostgreSQL for every test process, and an empty database for every test that asks."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from services.database.embedded import EmbeddedServer


@contextmanager
def open_directory() -> Iterator[Path]:
    """An empty directory that others may pass: as root the server runs as another user.

    Its path is short, as a socket's must be.
    """
    path = Path(tempfile.mkdtemp(prefix="tl-")).resolve()
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def running_server(data_dir: Path) -> Iterator[EmbeddedServer]:
    """A server that is stopped in the end whatever the test did to it."""
    server = EmbeddedServer(data_dir)
    server.start()
    try:
        yield server
    finally:
        server.stop(force=True)


@contextmanager
def fresh_database(server: EmbeddedServer) -> Iterator[str]:
    """The address of an empty database, dropped in the end with whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield server.conninfo(name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedServer]:
    """One server per test process (so one per worker of pytest-xdist)."""
    with open_directory() as parent, running_server(parent / "data") as server:
        yield server


@pytest.fixture
def database_url(postgres_server: EmbeddedServer) -> Iterator[str]:
    """The address of an empty database of this test alone, as its owner."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that does not exist yet, in a directory of this test alone."""
    with open_directory() as parent:
        yield parent / "data"
