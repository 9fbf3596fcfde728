"""How we connect: as owner for migrations, as the service role for everything else.

A session of the service role that is left idle inside a transaction is ended after 2 seconds: it
may hold the append lock (architecture, section 4).
"""

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

SERVICE_ROLE = "teamledger_service"
SERVICE_NAME, OWNER_NAME = "teamledger", "teamledger-owner"  # of sessions, as the server shows them
REPORTS_NAME, RELAY_NAME = "teamledger-reports", "teamledger-relay"
OLDEST_MAJOR = 15
IDLE_IN_TRANSACTION_MS = 2000
REPORT_SECONDS = 8
CONNECT_SECONDS = 5
CHECKOUT_SECONDS = 5.0
RETRY_SECONDS = 0.5
NOTICED = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""By which a client notices within a minute that the server's machine is gone."""

PREPARE_AFTER = 2  # executions of one statement in one session

Pool = AsyncConnectionPool[psycopg.AsyncConnection[tuple[Any, ...]]]


class DatabaseUnusable(Exception):
    """The database cannot be reached, is too old, or its address makes no sense."""


def service_conninfo(url: str) -> str:
    """The same database under the service role, in UTC; options of the URL itself are kept.

    A standby is refused unless the URL admits one: it may lack what was acknowledged, which would
    be taken for lost, and takes no writes. An address that leads to one for a while, as after a
    failover, leads nowhere. Server and client notice within a minute that the other's machine is
    gone: some hold locks by their sessions, and many wait without a limit. Raises DatabaseUnusable
    for something that is no address, without repeating it.
    """
    return _of_primary(visiting_conninfo(url))


def visiting_conninfo(url: str) -> str:
    """The same for whoever only looks, once: a standby is as good. Raises likewise."""
    idle = f"idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
    server = (f"tcp_keepalives_{name}" for name in ("idle=30", "interval=10", "count=3"))
    return _with_options(url, SERVICE_NAME, f"role={SERVICE_ROLE}", "timezone=UTC", idle, *server)


def reports_conninfo(url: str) -> str:
    """The same database under the service role, for reading alone. Raises likewise.

    A statement that takes longer than REPORT_SECONDS is given up (psycopg.errors.QueryCanceled).
    As it holds no lock that others wait for, a session may be idle in a transaction as long.
    """
    milliseconds = REPORT_SECONDS * 1000
    return _with_options(
        service_conninfo(url),
        REPORTS_NAME,
        "default_transaction_read_only=on",
        f"statement_timeout={milliseconds}",
        f"idle_in_transaction_session_timeout={milliseconds}",
    )


def relay_conninfo(url: str) -> str:
    """The same database under the service role, for whoever holds a lock by his session.

    Server and client notice within about 4 seconds that the other's machine is gone, so that the
    lock becomes free. No commit waits for the disk: a place that a crash of the server sets back
    costs repeats, the wait would delay the next page. Raises likewise.
    """
    server = (f"tcp_keepalives_{name}" for name in ("idle=2", "interval=1", "count=2"))
    plain = (f"role={SERVICE_ROLE}", "timezone=UTC", "synchronous_commit=off")
    conninfo = _with_options(url, RELAY_NAME, *plain, *server)
    client = {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 2}
    return _of_primary(make_conninfo(conninfo, **client, tcp_user_timeout=4_000))


def keyed_conninfo(url: str) -> str:
    """The same database under the service role, for statements that find rows by keys.

    What is prepared is planned once: PostgreSQL takes any array of keys for a long one, and would
    plan each execution anew, for longer than it takes. Rows are supposed to be in memory or on a
    disk without a head, lest a table that is small when a plan is made be read from end to end once
    it is large. Raises likewise.
    """
    plans = ("plan_cache_mode=force_generic_plan", "random_page_cost=1.1")
    return _with_options(service_conninfo(url), SERVICE_NAME, *plans)


def owner_conninfo(url: str) -> str:
    """The same database as the user of the URL, in UTC: for migrations. Raises likewise."""
    return _with_options(url, OWNER_NAME, "timezone=UTC")


def _of_primary(conninfo: str) -> str:
    known = conninfo_to_dict(conninfo)
    known.setdefault("target_session_attrs", "primary")
    return make_conninfo("", **known)


def check_address(url: str, named: str = "TEAMLEDGER_DATABASE_URL") -> dict[str, Any]:
    """The parts of an address. Raises DatabaseUnusable, with the name of who gave it, for none.

    What is told repeats nothing of it, nor would the next who fails: a password that holds an @ is
    taken for a part of the host, which is told when it is not found.
    """
    try:
        known = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its text repeats part of the address, maybe the password
        raise DatabaseUnusable(
            f"{named} is not an address of PostgreSQL; "
            "expected postgresql://user:password@host:5432/database"
        ) from None
    hosts = str(known.get("host") or "").split(",")
    if any("@" in host and not host.startswith(("/", "@")) for host in hosts):  # those are sockets
        raise DatabaseUnusable(f"{named} has two @: within a password it is written %40")
    return dict(known)


def _with_options(url: str, application: str, *settings: str) -> str:
    known = check_address(url)
    own = [str(known.pop("options", None) or "")]
    known = {"connect_timeout": CONNECT_SECONDS, **NOTICED, **known}
    known["options"] = " ".join([*own, *(f"-c {setting}" for setting in settings)]).strip()
    known["application_name"] = application
    return make_conninfo("", **known)


def check_server_version(number: int) -> None:
    """Raise DatabaseUnusable for a `server_version_num` below PostgreSQL 15."""
    if number < OLDEST_MAJOR * 10_000:
        raise DatabaseUnusable(
            f"the server is PostgreSQL {number // 10_000}; teamledger needs {OLDEST_MAJOR} or "
            "newer: upgrade the server or set TEAMLEDGER_DATABASE_URL to another one"
        )


def check_encoding(encoding: str | None) -> None:
    """Raise DatabaseUnusable for a database whose text is not UTF-8."""
    if encoding != "UTF8":
        raise DatabaseUnusable(
            f"the database keeps text as {encoding}; teamledger needs UTF8: make it with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


async def entered_pool(
    stack: AsyncExitStack, conninfo: str, name: str, least: int = 2, most: int = 8
) -> Pool:
    """An open pool that is closed with the stack. Raises as `open_pool` does."""
    pool = await open_pool(conninfo, least, most, name)
    stack.push_async_callback(pool.close)
    return pool


async def lazy_pool(stack: AsyncExitStack, conninfo: str, name: str, most: int = 2) -> Pool:
    """A pool that is closed with the stack and connects when it is asked to: it opens anyhow."""
    pool: Pool = AsyncConnectionPool(
        conninfo,
        min_size=0,
        max_size=most,
        name=name,
        kwargs={"autocommit": True, "prepare_threshold": PREPARE_AFTER},
        open=False,
        timeout=CHECKOUT_SECONDS,
    )
    await pool.open()
    stack.push_async_callback(pool.close)
    return pool


async def open_pool(conninfo: str, min_size: int, max_size: int, name: str) -> Pool:
    """An open pool of autocommit connections, `min_size` of them connected.

    Connections are not checked when handed out: after an outage the first statement on each may
    fail, and the pool then replaces it, trying at least twice a second until the server is back. A
    caller waits at most 5 seconds for a connection (psycopg_pool.PoolTimeout).
    Raises DatabaseUnusable when the server cannot be used right now.
    """
    await _try_once(conninfo)
    pool: Pool = AsyncConnectionPool(
        conninfo,
        min_size=min_size,
        max_size=max_size,
        name=name,
        kwargs={"autocommit": True, "prepare_threshold": PREPARE_AFTER},
        open=False,
        timeout=CHECKOUT_SECONDS,
        reconnect_timeout=RETRY_SECONDS,
        reconnect_failed=_ask_again,
    )
    try:
        await pool.open(wait=True, timeout=CONNECT_SECONDS * 2)
    except PoolTimeout as late:
        raise DatabaseUnusable(f"{min_size} connections could not be opened in time") from late
    return pool


_asking: set[asyncio.Task[None]] = set()  # the event loop itself keeps no hold on its tasks


async def _ask_again(pool: AsyncConnectionPool[Any]) -> None:
    """A pool that gave up tries again only when asked for a connection: ask."""
    task = asyncio.create_task(_ask(pool))
    _asking.add(task)
    task.add_done_callback(_asking.discard)


async def _ask(pool: AsyncConnectionPool[Any]) -> None:
    with suppress(PoolTimeout, PoolClosed, psycopg.OperationalError):
        async with pool.connection(timeout=CHECKOUT_SECONDS):
            pass


async def _try_once(conninfo: str) -> None:
    """Connect outside the pool, which would not say why it fails."""
    try:
        conn = await psycopg.AsyncConnection.connect(conninfo)
    except psycopg.OperationalError as failed:
        raise DatabaseUnusable(f"the database cannot be used: {failed}") from failed
    try:
        check_server_version(conn.info.server_version)
    finally:
        await conn.close()
