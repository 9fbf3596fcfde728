"""Reports end: what would take too long or grow without bound is refused, and harms nobody else."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest

from services.access.credentials import hash_key
from services.command.domain.usage import Attribution
from services.database.connections import open_pool, owner_conninfo, reports_conninfo
from services.database.embedded import EmbeddedServer
from services.edge.app import create_app
from services.projection.api import include_read_routes
from services.projection.api.routes import spend
from tests.support.postgres import fresh_database
from tests.support.reading import MASTER, World, reading
from tests.support.usage import opened_books, used

SPAN: dict[str, Any] = {"from": "2026-11-01", "to": "2026-11-30"}
DAYS: dict[str, Any] = {"start_date": "2026-11-01", "end_date": "2026-11-30"}


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Nobody knows who made five calls, each with another key."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world, opened_books(url) as books:
            calls = [used(n, key=hash_key(f"sk-{n}")) for n in range(5)]
            await books.book(*calls, by=Attribution(unattributed="unknown key"))
            yield world


async def test_a_report_that_takes_too_long_is_given_up(world: World) -> None:
    app = create_app()
    lock = "LOCK TABLE usage.days_summed IN ACCESS EXCLUSIVE MODE"
    reports = await open_pool(reports_conninfo(world.url), 1, 1, "reports")
    async with reports as pool:
        async with pool.connection() as connection:
            await connection.execute("SET statement_timeout = '200ms'")
        include_read_routes(app, replace(world.context, reports_pool=pool))
        transport = httpx.ASGITransport(app=app)
        headers = {"authorization": f"Bearer {MASTER}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=headers
        ) as http:
            with psycopg.connect(owner_conninfo(world.url)) as conn:
                conn.execute(lock)
                began = time.monotonic()
                ours = await http.get("/v1/spend", params=SPAN)
                theirs = await http.get("/team/daily/activity", params=DAYS)
                assert time.monotonic() - began < 5
                assert (await http.get("/team/list")).status_code == 200
            assert (await http.get("/v1/spend", params=SPAN)).json()["total"]["spend"] == 5.0
    text = "This takes more than 8 seconds: ask for fewer days, or about less"
    assert (ours.status_code, theirs.status_code) == (503, 503)
    assert (ours.json()["detail"], theirs.json()["error"]["message"]) == (text, text)
    assert ours.headers["retry-after"] == theirs.headers["retry-after"] == "1"


async def test_more_groups_than_anybody_can_read_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spend, "MOST_GROUPS", 5)
    for form in ("json", "csv"):
        assert (await world.get("/v1/spend", **SPAN, group_by="key", format=form)).is_success
    monkeypatch.setattr(spend, "MOST_GROUPS", 4)
    for form in ("json", "csv"):
        answered = await world.get("/v1/spend", **SPAN, group_by="key", format=form)
        assert (answered.status_code, answered.json()["title"]) == (400, "Too many groups")
        assert "more than 4 groups" in answered.json()["detail"]


async def test_reports_have_their_time_and_cannot_write(world: World) -> None:
    async with world.context.reports_pool.connection() as connection:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            cursor = await connection.execute("SELECT current_setting(%s)", (name,))
            assert await cursor.fetchone() == ("8s",)
        for statement in (
            "DELETE FROM usage.quarantine",
            "SELECT usage.sum_days(1, 1)",
            "CREATE TABLE x ()",
        ):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await connection.execute(statement)
