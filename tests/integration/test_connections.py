"""Connections: who we are, what a session may do, and how a pool survives its server."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from os import kill
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolTimeout

from services.database.connections import (
    DatabaseUnusable,
    Pool,
    check_address,
    check_server_version,
    open_pool,
    owner_conninfo,
    relay_conninfo,
    reports_conninfo,
    service_conninfo,
    visiting_conninfo,
)
from services.database.embedded import EmbeddedServer
from services.database.service_role import ensure_service_role
from tests.support.postgres import open_directory, running_server
from tests.support.proxy import Proxy


@pytest.fixture
def url(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as conn:
        ensure_service_role(conn)
    return database_url


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    with open_directory() as parent, running_server(parent / "data") as server:
        yield server


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("role", "teamledger_service"),
        ("TimeZone", "UTC"),
        ("idle_in_transaction_session_timeout", "2s"),
        ("application_name", "teamledger"),
        ("work_mem", "7MB"),
    ],
)
def test_the_service_works_under_its_role_and_keeps_options_of_the_url(
    url: str, name: str, value: str
) -> None:
    given = url + "&options=-c%20work_mem%3D7MB%20-c%20role%3Dpostgres&application_name=mine"
    with psycopg.connect(service_conninfo(given)) as conn:
        assert conn.execute("SELECT current_setting(%s)", (name,)).fetchone() == (value,)


def test_the_owner_stays_himself(url: str) -> None:
    with psycopg.connect(owner_conninfo(url + "&options=-c%20timezone%3DAsia/Tokyo")) as conn:
        row = conn.execute("SELECT current_user, current_setting('TimeZone')").fetchone()
    assert row == ("postgres", "UTC")


def test_a_standby_is_for_those_who_ask_for_one(own_server: EmbeddedServer) -> None:
    """It may be behind: what it lacks would be taken for lost."""
    url = own_server.conninfo()
    with psycopg.connect(url, autocommit=True) as conn:
        ensure_service_role(conn)
    own_server.stop(force=True)
    (own_server.data_dir / "postgres" / "standby.signal").touch()
    own_server.start()
    for conninfo in (service_conninfo(url), reports_conninfo(url), relay_conninfo(url)):
        with pytest.raises(psycopg.OperationalError, match="standby"):
            psycopg.connect(conninfo)
    for conninfo in (service_conninfo(f"{url}&target_session_attrs=any"), visiting_conninfo(url)):
        with psycopg.connect(conninfo) as conn:
            assert conn.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
    with psycopg.connect(owner_conninfo(url)) as conn:
        conn.execute("SELECT pg_promote()")
    psycopg.connect(service_conninfo(url)).close()


async def test_it_is_noticed_on_both_sides_that_a_machine_is_gone(url: str) -> None:
    """A lock that is held by a session would be free after two hours, by what systems come with."""
    address = conninfo_to_dict(service_conninfo(url))
    proxy = Proxy(Path(str(address["host"])) / f".s.PGSQL.{address['port']}")
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        conninfo = make_conninfo("", **{**address, "host": "127.0.0.1", "port": port})
        async with await psycopg.AsyncConnection.connect(conninfo) as conn:
            with socket.fromfd(conn.fileno(), socket.AF_INET, socket.SOCK_STREAM) as client:
                names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
                of_client = [client.getsockopt(socket.IPPROTO_TCP, name) for name in names]
                silent = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        await proxy.close()
    with psycopg.connect(service_conninfo(url)) as conn:
        asked = "SELECT name, reset_val::int FROM pg_settings WHERE name LIKE 'tcp_keepalives_%'"
        of_server = [value for _, value in conn.execute(asked).fetchall()]
    assert (of_client, silent) == ([30, 10, 3], 60_000)
    assert sorted(of_server) == [3, 10, 30]


def test_an_address_that_is_none_is_not_repeated() -> None:
    with pytest.raises(DatabaseUnusable, match="TEAMLEDGER_DATABASE_URL") as refused:
        service_conninfo("postgresql://ann:s3cret@host:port:5432/?no such=thing")
    assert "s3cret" not in str(refused.value)


def test_a_password_that_ends_too_early_is_not_told_as_a_host() -> None:
    with pytest.raises(DatabaseUnusable, match="has two @: within a password") as refused:
        check_address("postgresql://ann:s3@cret@host/database", "TEAMLEDGER_READ_DATABASE_URL")
    assert str(refused.value).startswith("TEAMLEDGER_READ_DATABASE_URL ")
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize("host", ["db.example", "/var/run/a@b", "@abstract", "one,@two,/three@"])
def test_sockets_may_be_named_with_an_at_sign(host: str) -> None:
    parts = check_address(f"host={host} dbname=events user=ann password=s3@cret")
    assert (parts["host"], parts["password"]) == (host, "s3@cret")


@pytest.mark.parametrize(("number", "too_old"), [(140_019, True), (150_000, False)])
def test_servers_before_15_are_refused(number: int, *, too_old: bool) -> None:
    if not too_old:
        return check_server_version(number)
    with pytest.raises(DatabaseUnusable, match="PostgreSQL 14; teamledger needs 15"):
        check_server_version(number)
    return None


async def test_a_pool_commits_by_itself_and_prepares_hot_statements(url: str) -> None:
    pool = await open_pool(service_conninfo(url), 1, 1, "test")
    async with pool, pool.connection() as conn:
        assert conn.autocommit
        for number in range(4):
            await conn.execute("SELECT %s::int", (number,))
        cursor = await conn.execute("SELECT statement FROM pg_prepared_statements")
        assert ("SELECT $1::int",) in await cursor.fetchall()


async def test_a_missing_role_or_database_is_said_at_once(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match='database "absent" does not exist'):
        await open_pool(f"{service_conninfo(url)} dbname=absent", 1, 1, "test")


async def one(pool: Pool) -> object:
    async with pool.connection(timeout=30) as conn:
        return await (await conn.execute("SELECT 1")).fetchone()


async def test_a_caller_already_waiting_gets_the_server_that_came_back(
    own_server: EmbeddedServer,
) -> None:
    async with await open_pool(own_server.conninfo(), 2, 2, "test") as pool:
        pid = own_server.postmaster_pid()
        assert pid is not None
        kill(pid, signal.SIGKILL)
        for _ in range(2):  # each connection learns of the loss by failing once
            with pytest.raises(psycopg.OperationalError):
                async with pool.connection() as conn:
                    await conn.execute("SELECT pg_sleep(60)")
        waiting = asyncio.create_task(one(pool))
        with pytest.raises(PoolTimeout):  # long enough for the pool to have given up meanwhile
            async with pool.connection(timeout=2):
                pass
        await asyncio.to_thread(own_server.start)
        assert await waiting == (1,)
