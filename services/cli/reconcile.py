"""`teamledger reconcile`: the ledger of usage computed again from its records, and compared."""

import asyncio
from typing import Annotated

import orjson
import psycopg
import typer
from rich.table import Column, Table

from events.values import JsonObject, plain
from services.cli.database import any_database
from services.cli.failures import explained
from services.cli.output import cell, print_table
from services.database.connections import DatabaseUnusable, visiting_conninfo
from services.settings import load_settings
from services.spend.reconcile import Reconciliation
from services.spend.reconcile import reconcile as compute_again


@explained
def reconcile(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Compute all sums of the ledger again from its records, and name what differs.

    The service may go on running: one snapshot is read, nothing is locked. Exit status: 0 when
    everything agrees, 1 when something differs, 2 when the database cannot be used.
    """
    from services.projection.api.reconciliation import reconciliation  # takes a quarter of a second

    with any_database(load_settings()) as url:
        found = asyncio.run(reconcile_database(url))
    if as_json:
        typer.echo(orjson.dumps(reconciliation(found)).decode())
    else:
        _show(found)
    raise typer.Exit(0 if found.agrees else 1)


async def reconcile_database(url: str) -> Reconciliation:
    """Raises DatabaseUnusable for a database without a ledger."""
    conninfo = visiting_conninfo(url)
    try:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
            return await compute_again(connection)
    except psycopg.errors.UndefinedTable:
        raise DatabaseUnusable(
            "it has no ledger: no `teamledger serve` of today ran on it"
        ) from None


def _show(found: Reconciliation) -> None:
    typer.echo(f"{found.total.rows} records up to position {found.position}")
    right = [Column(name, justify="right") for name in ("records", "USD", "kept USD", "tokens")]
    table = Table("sums by", *right, Column("kept tokens", justify="right"))
    for book in found.books:
        of, kept = book.by_records, book.kept
        table.add_row(
            book.name,
            str(of.rows),
            *(plain(of.cost), plain(kept.cost)),
            *(str(of.tokens), str(kept.tokens)),
        )
    print_table(table)
    total = sum(found.counted.values())
    if found.agrees:
        typer.echo("everything agrees")
        return
    typer.echo(f"{total} differences, of which {len(found.differences)} are named")
    named = Table(
        *(Column(name, overflow="fold") for name in ("among", "of", "by records", "kept"))
    )
    for d in found.differences:
        named.add_row(d.among, *(_shown(figures) for figures in (d.of, d.by_records, d.kept)))
    print_table(named)


def _shown(figures: JsonObject | None) -> str:
    """Names and figures as words; what is not there is shown as nothing."""
    if figures is None:
        return "-"
    return cell(
        ", ".join(f"{name} {value}" for name, value in figures.items() if value is not None)
    )
