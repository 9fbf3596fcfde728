"""What a rebuild found to differ, as it is shown: keys and names of columns, never their values."""

from collections.abc import Sequence

import typer
from rich.table import Table

from services.cli.output import cell, print_table
from services.projection.comparison import Comparison, Difference

_ONLY = {"live": "only in the live table", "shadow": "only in the new table"}


def show(tables: Sequence[Comparison]) -> None:
    """A line for each table, then the first rows that differ; nothing without a comparison."""
    if not tables:
        return
    table = Table("table", "rows before", "rows now", "difference")
    for found in tables:
        table.add_row(found.table, str(found.live[0]), str(found.shadow[0]), _difference(found))
    print_table(table)
    for found in tables:
        for row in found.rows:
            typer.echo(f"{found.table} {_key(row)}: {_what(row)}")
        if (left := found.missing + found.surplus + found.changed - len(found.rows)) > 0:
            typer.echo(f"{found.table}: and {left} more")


def _difference(found: Comparison) -> str:
    if found.equal:
        return "none"
    counted = {"missing": found.missing, "surplus": found.surplus, "changed": found.changed}
    return ", ".join(f"{count} {name}" for name, count in counted.items() if count)


def _key(row: Difference) -> str:
    return cell("/".join(str(part) for part in row.key))


def _what(row: Difference) -> str:
    return _ONLY[row.only] if row.only else f"differs in {', '.join(row.columns)}"
