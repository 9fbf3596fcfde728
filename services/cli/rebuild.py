"""`teamledger rebuild`: read models made anew from the events, beside the live ones."""

import asyncio
from contextlib import AsyncExitStack

import typer
from rich.table import Table

from services.cli.database import any_database
from services.cli.failures import explained
from services.cli.output import cell, print_table, progress_bar
from services.database.connections import open_pool, service_conninfo
from services.database.secrets import load_secrets
from services.database.vault import Vault
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.rebuild import RebuildReport
from services.projection.rebuild import rebuild as run_rebuild
from services.projection.runner import ProjectionGroup
from services.settings import load_settings
from services.standalone import prepare_database


@explained
def rebuild() -> None:
    """Fill new tables from all events, compare them with the live ones, swap them in.

    The service may go on running: the old tables are served until the swap. An interrupted
    rebuild goes on where it stopped.
    """
    settings = load_settings()
    with any_database(settings) as url:
        prepare_database(url)
        root_key = load_secrets(settings).root_key
        report = asyncio.run(rebuild_read_models(url, root_key))
    _show(report)


async def rebuild_read_models(url: str, root_key: bytes) -> RebuildReport:
    """Make them again with a progress bar. Raises RebuildFailed."""
    conninfo = service_conninfo(url)
    async with AsyncExitStack() as stack:
        pool = await open_pool(conninfo, 1, 4, "rebuild")
        stack.push_async_callback(pool.close)
        vault = Vault(pool, root_key)
        await vault.open()
        feed = StoreFeed(pool, conninfo)
        stack.push_async_callback(feed.close)
        projectors = contract_projectors(vault.open_all)
        group = ProjectionGroup(GROUP, projectors, feed, pool, Head(pool))
        told = stack.enter_context(progress_bar("read models"))
        return await run_rebuild(group, url, progress=told)


def _show(report: RebuildReport) -> None:
    typer.echo(f"rebuilt up to position {report.position}")
    if report.resumed_at:
        typer.echo(f"an earlier run had come to position {report.resumed_at}")
    if report.compared_at is None:
        typer.echo("the tables served before could not be compared: empty, or of another store")
        return
    table = Table("table", "rows before", "rows now", "difference")
    for found in report.tables:
        keys = ", ".join(str(key) for key in found.keys) or "differs"
        table.add_row(
            found.table,
            str(found.live[0]),
            str(found.shadow[0]),
            "none" if found.equal else cell(keys),
        )
    print_table(table)
