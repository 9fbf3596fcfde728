"""`teamledger audit`: the log as a file that proves itself, and its verification offline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import psycopg
import typer

from services.cli.database import any_database
from services.cli.failures import explained
from services.cli.output import Told, progress_bar
from services.database.connections import service_conninfo
from services.proof import export as exported
from services.proof.log import (
    BATCHES,
    EVENT_ROWS,
    EVENTS,
    EVENTS_AT_ONCE,
    LINES,
    RECORDS_AT_ONCE,
    batches,
)
from services.proof.verify import Verdict, verify
from services.settings import load_settings

app = typer.Typer(help="Export the log and prove that nobody changed it.", no_args_is_help=True)
_KEPT = "SELECT log::text, verifier, size FROM ops.seal"
_SPANS = """
SELECT first_leaf, kind, first_position, last_position, leaves FROM ops.seal_spans ORDER BY 1
"""
_NOTES = "SELECT note FROM ops.checkpoints WHERE size <= %s ORDER BY size"
_TILES = """
SELECT number, hashes FROM ops.seal_tiles WHERE level = 0 AND number >= %s ORDER BY number LIMIT %s
"""
TILES_AT_ONCE = 64


@app.command(name="export")
@explained
def export(
    file: Annotated[Path, typer.Argument(help="The file to write, such as audit.jsonl.gz.")],
) -> None:
    """Write everything that was sealed into one file; personal data stays sealed in it."""
    with any_database(load_settings()) as url, progress_bar("leaves") as told:
        conninfo = service_conninfo(url)
        with psycopg.connect(conninfo, autocommit=True) as conn, conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            count = exported.write(file, export_lines(conn, told))
    typer.echo(f"{file}: {count} lines")


@app.command(name="verify")
@explained
def verify_export(
    file: Annotated[Path, typer.Argument(help="What `teamledger audit export` wrote.")],
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A note kept elsewhere, or a file of several; repeatable."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The verifier key to trust, as /v1/proof/key shows it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Prove that an export is the log that was sealed. Exits with 1 and names what differs."""
    trusted = [note for path in checkpoint or [] for note in notes(path)]
    verdict = verify(exported.read(file), trusted=trusted, verifier=key)
    typer.echo(orjson.dumps(_as_object(verdict)) if as_json else _told(verdict, key))
    raise typer.Exit(0 if verdict.problem is None else 1)


def export_lines(conn: psycopg.Connection[Any], told: Told) -> Iterator[exported.Line]:
    """The export in its order: header, checkpoints, hashes, the log by leaves."""
    log, verifier, size = conn.execute(_KEPT).fetchone() or ("", None, 0)
    spans = conn.execute(_SPANS).fetchall()
    yield exported.header(log, verifier or "", size, spans)
    for (note,) in conn.execute(_NOTES, (size,)).fetchall():
        yield {"checkpoint": note}
    number = 0
    while tiles := conn.execute(_TILES, (number, TILES_AT_ONCE), binary=True).fetchall():
        yield from ({"tile": exported.text(hashes)} for _, hashes in tiles)
        number = tiles[-1][0] + 1
    done = 0
    for _, kind, first, last, leaves in spans:
        of_span = _events if kind == EVENTS else _usage
        for line in of_span(conn, first, last):
            done += 1
            told(done, size)
            yield line
        done = max(done, leaves)


def _events(conn: psycopg.Connection[Any], first: int, last: int) -> Iterator[exported.Line]:
    after = first - 1
    while rows := conn.execute(EVENT_ROWS, (after, last, EVENTS_AT_ONCE), binary=True).fetchall():
        yield from map(exported.event_line, rows)
        after = rows[-1][2]


def _usage(conn: psycopg.Connection[Any], first: int, last: int) -> Iterator[exported.Line]:
    before = "SELECT coalesce(max(position), 0) FROM usage.batches WHERE position < %s"
    [(after,)] = conn.execute(before, (first,)).fetchall()
    while rows := conn.execute(BATCHES, (after, last, RECORDS_AT_ONCE)).fetchall():
        ends = [at for (at,) in rows]
        lines = conn.execute(LINES, (after, ends[-1])).fetchall()
        for batch in batches(ends, lines):
            yield {"usage": batch.position, "lines": batch.lines}
        after = ends[-1]


def notes(path: Path) -> list[str]:
    """The notes of a file, as a file sink keeps them: an empty line after each signature."""
    parts = path.read_text(encoding="utf-8").split("\n\n")
    return [
        f"{body.strip()}\n\n{signature.strip()}\n"
        for body, signature in zip(parts[::2], parts[1::2], strict=False)
    ]


def _as_object(verdict: Verdict) -> dict[str, Any]:
    proved = verdict.proved
    return {
        "problem": verdict.problem,
        "leaves": verdict.size,
        "events": verdict.events,
        "usage_batches": verdict.batches,
        "checkpoints": verdict.checkpoints,
        "proved_up_to": None
        if proved is None
        else {"events": proved.events, "usage": proved.usage, "time": proved.time},
    }


def _told(verdict: Verdict, key: str | None) -> str:
    if verdict.problem is not None:
        return f"NOT as it was sealed: {verdict.problem}"
    read = f"{verdict.events} events and {verdict.batches} batches of usage are as they were sealed"
    if verdict.proved is None:
        return f"{read}; no checkpoint has been signed yet, so this proves nothing"
    until = f"{verdict.proved.time:%Y-%m-%d %H:%M:%S} UTC, event {verdict.proved.events}"
    trust = "" if key else ". The key is the export's own: give --key to prove who signed"
    return f"{read}, proved by {verdict.checkpoints} checkpoints up to {until}{trust}"
