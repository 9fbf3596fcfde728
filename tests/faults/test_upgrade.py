"""An upgrade as the operations guide tells it: two releases side by side, and nobody is refused.

The older release is this one without a fact that it has never heard of; what the newer one has
brought to the schema is a column in every table, and a table.
"""

import asyncio
from collections.abc import Iterator
from functools import partial

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from services.database.migrations import patiently
from tests.support import older
from tests.support.command_line import command
from tests.support.load import LONGEST_ANSWER, load
from tests.support.oracle import assert_projected
from tests.support.service import MASTER_KEY, ServiceProcess, Start, on_database
from tests.support.side_by_side import ROLES, Deployment, deployed
from tests.support.stored import stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
CLIENTS, MEANWHILE = 4, 20
TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('events', 'ops', 'usage', 'read') ORDER BY 1, 2
"""
NEXT = "INSERT INTO ops.migrations SELECT max(number) + 1, 'brought_later', '' FROM ops.migrations"


@pytest.fixture
def deployment(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Deployment]:
    with deployed(postgres_server, start_service, older.__name__) as made:
        yield made


async def test_processes_are_replaced_one_after_another(deployment: Deployment) -> None:
    async with load(deployment.router.base_url, clients=CLIENTS) as books:
        await books.wait_for_more(MEANWHILE)
        await asyncio.to_thread(bring_later, deployment.url)
        for role in ROLES:
            for port in deployment.ports[role]:
                await books.wait_for_more(MEANWHILE)
                await asyncio.to_thread(deployment.replace, role, port)
                await asyncio.to_thread(reviewed_by_the_newer, deployment)
        await books.wait_for_more(MEANWHILE)
    assert (books.unclear, books.lost_connections) == ([], 0)
    assert books.statuses.keys() == {httpx.codes.OK, httpx.codes.NOT_FOUND}  # what was deleted
    assert books.longest < LONGEST_ANSWER
    books.check(stored_facts(deployment.url))
    settings = on_database(deployment.url) | {"TEAMLEDGER_MASTER_KEY": MASTER_KEY}
    rebuilt = command("rebuild", "--yes", **settings)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert_projected(deployment.url)
    refuses_to_start(deployment)


def bring_later(url: str) -> None:
    """What migrations of the newer release would do, beside processes of the older one."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        for table in conn.execute(TABLES.encode()).fetchall():
            added = SQL("ALTER TABLE {} ADD COLUMN brought_later text").format(Identifier(*table))
            patiently(conn, partial(conn.execute, added))
        conn.execute("CREATE TABLE events.brought_later (id text PRIMARY KEY)")


def reviewed_by_the_newer(deployment: Deployment) -> None:
    """It records what the other has not heard of, which passes it on, and goes on behind it."""
    newer, other = deployment.of("projection")
    with newer.client() as asked:
        assert asked.get("/v1/access/review").status_code == httpx.codes.OK
    feeds = [told(each) for each in (newer, other)]
    assert feeds[0] == feeds[1] != []
    with other.client() as asked:
        assert asked.get("/v1/audit/export").status_code == httpx.codes.OK
        assert asked.get("/health/readiness").status_code == httpx.codes.OK


def told(projection: ServiceProcess) -> list[object]:
    """The facts of which the older release has never heard, as the change feed tells them."""
    with projection.client() as asked:
        page = asked.get("/v1/events", params={"types": older.UNHEARD_OF, "limit": 100}).json()
    return list(page["events"])


def refuses_to_start(deployment: Deployment) -> None:
    """What was replaced, once the schema says that it is of a newer release."""
    with psycopg.connect(owner_conninfo(deployment.url), autocommit=True) as conn:
        conn.execute(NEXT)
    port = deployment.ports["command"][0]
    assert deployment.running.pop(port).stop() == 0
    again = deployment.started("command", port)
    assert again.process.wait(timeout=60) != 0
    assert "the database is newer than this program" in again.log.read_text()
