"""`teamledger audit`: the log as a file that proves itself, and its verification offline."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import psycopg
import typer

from events.audit import AuditExported
from services.cli.audit_archive import archive
from services.cli.audit_lines import export_lines
from services.cli.database import any_log
from services.cli.failures import explained
from services.cli.output import progress_bar
from services.cli.recording import record
from services.database.connections import visiting_conninfo
from services.proof import export as exported
from services.proof.checkpoint import BadCheckpoint
from services.proof.verify import Verdict, verify
from services.settings import load_settings

_SEALED = "SELECT size, events FROM ops.seal"
app = typer.Typer(help="Export the log and prove that nobody changed it.", no_args_is_help=True)


@app.command(name="export")
@explained
def export(
    file: Annotated[Path, typer.Argument(help="The file to write, such as audit.jsonl.gz.")],
    unrecorded: Annotated[
        bool, typer.Option("--unrecorded", help="For a copy of the database that takes no writes.")
    ] = False,
) -> None:
    """Write everything that was sealed into one file; personal data stays sealed in it.

    That it is written is recorded before.
    """
    exported.check_writable(file)
    with any_log(load_settings()) as url, progress_bar("leaves") as told:
        conninfo = visiting_conninfo(url)
        with psycopg.connect(conninfo, autocommit=True) as conn:
            size, until = conn.execute(_SEALED).fetchone() or (0, 0)
            if not unrecorded:
                fact = AuditExported(form="proof", until=until, entries=size)
                asyncio.run(record(conninfo, fact))
            with conn.transaction():
                conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                count = exported.write(file, export_lines(conn, told, size))
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
        list[str] | None,
        typer.Option(help="A verifier key to trust, as /v1/proof/checkpoint shows it; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Prove that an export is the log that was sealed. Exits with 1 and names what differs."""
    trusted = [note for path in checkpoint or [] for note in notes(path)]
    verdict = verify(exported.read(file), trusted=trusted, verifiers=key or ())
    typer.echo(orjson.dumps(_as_object(verdict)) if as_json else _told(verdict, key))
    raise typer.Exit(0 if verdict.problem is None else 1)


app.command(name="archive")(archive)


def notes(path: Path) -> list[str]:
    """The notes of a file, as a file sink keeps them: an empty line after each signature.

    Raises BadCheckpoint for a file that has none: nothing would be compared with it.
    """
    try:
        parts = path.read_text(encoding="utf-8").split("\n\n")
    except OSError as failed:
        raise BadCheckpoint(f"{path} cannot be read: {failed.strerror}") from None
    except UnicodeDecodeError:
        parts = []
    found = [
        f"{body.strip()}\n\n{signature.strip()}\n"
        for body, signature in zip(parts[::2], parts[1::2], strict=False)
    ]
    if not found:
        raise BadCheckpoint(f"{path} holds no checkpoint")
    return found


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


def _told(verdict: Verdict, key: list[str] | None) -> str:
    if verdict.problem is not None:
        return f"NOT as it was sealed: {verdict.problem}"
    read = f"{verdict.events} events and {verdict.batches} batches of usage are as they were sealed"
    if verdict.proved is None:
        return f"{read}; no checkpoint has been signed yet, so this proves nothing"
    until = f"{verdict.proved.time:%Y-%m-%d %H:%M:%S} UTC, event {verdict.proved.events}"
    trust = "" if key else ". The key is the export's own: give --key to prove who signed"
    return f"{read}, proved by {verdict.checkpoints} checkpoints up to {until}{trust}"
