"""`teamledger dead-letters`: usage that could not be booked as it came, shown and booked now."""

import asyncio
import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.table import Table

from services.cli.failures import NoDeadLetter, explained
from services.cli.output import cell, print_table

if TYPE_CHECKING:
    from services.command.application.dead_letter_replay import Judged

app = typer.Typer(help="Usage that could not be booked as it came.", no_args_is_help=True)

LIMIT = 100
STATES = ("booked", "replayable", "quarantined", "refused")
_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")
Reason = Annotated[
    str | None, typer.Option(help="Only those whose reason holds this text, in any case.")
]
Since = Annotated[
    datetime | None, typer.Option(help="Only those that became dead letters since (UTC).")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command(name="list")
@explained
def list_letters(
    reason: Reason = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = LIMIT,
    every: Annotated[bool, typer.Option("--all", help="Those that are booked now, too.")] = False,
    values: Annotated[
        bool, typer.Option("--values", help="With --json: the messages, keys and all.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show dead letters, the oldest first, and what a replay would make of each now.

    A place is partition:offset in the topic of usage, by which `replay` takes single ones.
    """
    from services.cli.dead_letter_lines import Chosen, shown_row, told
    from services.cli.usage_work import listed  # kafka-python takes a third of a second

    found = asyncio.run(listed(Chosen(reason, since), limit, every=every))
    if as_json:
        for judged in found:
            typer.echo(orjson.dumps(told(judged, values=values)))
        return
    table = Table("place", "became one at", "reason", "now")
    for judged in found:
        table.add_row(*shown_row(judged))
    print_table(table)


@app.command()
@explained
def replay(
    places: Annotated[
        list[str] | None, typer.Argument(help="partition:offset, as `list` shows them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Instead of places: all of them.")] = False,
    reason: Reason = None,
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say it, and book nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Book those that can be booked now, each once however often; the others say why they cannot.

    What is to be booked is recorded in the audit log first. Letters stay in their topic.
    """
    from services.cli.dead_letter_lines import Chosen, at, told
    from services.cli.usage_work import replayed

    def tell(judged: "Judged") -> None:
        if as_json:
            typer.echo(orjson.dumps(told(judged, values=False)))
        elif judged.reason is not None:
            typer.echo(f"{at(judged.letter)} {judged.state}: {cell(judged.reason)}")

    if bool(places) == every:
        raise typer.BadParameter("name places, or --all of them")
    wanted = frozenset(map(_place, places)) if places else None
    chosen = Chosen(reason, since, wanted)
    states = asyncio.run(replayed(chosen, tell, dry_run=dry_run))
    if chosen.missing:
        absent = ", ".join(f"{partition}:{offset}" for partition, offset in sorted(chosen.missing))
        raise NoDeadLetter(f"there is no dead letter at {absent}")
    if not as_json:
        typer.echo(", ".join(f"{states[name]} {name}" for name in STATES if states[name]) or "none")


def _place(text: str) -> tuple[int, int]:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no place such as 7:41")
    return int(found[1]), int(found[2])
