"""`teamledger status`: how a running service stands."""

import json
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from services.cli.failures import explained
from services.cli.ledger_client import connect
from services.cli.output import cell, print_table
from services.cli.target import target


@explained
def status(
    url: Annotated[
        str | None, typer.Option(help="The running service; else TEAMLEDGER_HOST and _PORT.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Key of a proxy admin or viewer; else TEAMLEDGER_MASTER_KEY, or the master key "
            "that the service made in TEAMLEDGER_DATA_DIR."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show how log, read models, seal, topics, webhooks and ledger stand, with lights.

    Exit status: 0 while nothing is red, 1 when something is, 2 when the service does not tell.
    """
    client = connect(*target(url, key))
    with closing(client.http):
        found = client.get("/v1/status")
    typer.echo(json.dumps(found)) if as_json else _show(found)
    raise typer.Exit(1 if found["status"] == "red" else 0)


def _show(found: dict[str, Any]) -> None:
    typer.echo(
        f"{found['status']}: {cell(found['reason'])}\n"
        f"{found['kind']} {found['version']}, up for {found['uptime_seconds']:.0f} s; "
        f"the log ends at position {found['head']}"
    )
    table = Table("light", Column("what", overflow="fold"), Column("why", overflow="fold"))
    for light in found["lights"]:
        table.add_row(light["colour"], cell(light["name"]), cell(light["reason"]))
    print_table(table)
