"""`teamledger audit archive`: the log up to a checkpoint, in a file that proves itself.

Retention is by copy: nothing is ever taken out of the log (decision 017).
"""

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import psycopg
import typer

from events.audit import AuditArchived
from events.values import timestamp
from services.cli.audit_lines import export_lines
from services.cli.database import any_log
from services.cli.failures import NothingToArchive, explained
from services.cli.output import progress_bar
from services.cli.recording import record
from services.database.connections import service_conninfo
from services.proof import export as exported
from services.proof.checkpoint import Checkpoint, opened, public_key
from services.proof.verify import verify
from services.settings import load_settings

_LAST = """
SELECT c.note, s.verifier FROM ops.checkpoints c CROSS JOIN ops.seal s
WHERE c.made_at <= %s ORDER BY c.size DESC LIMIT 1
"""


@explained
def archive(
    file: Annotated[Path, typer.Argument(help="The file to write, such as audit-2026.jsonl.gz.")],
    before: Annotated[datetime, typer.Option(help="Up to the last checkpoint by then (UTC).")],
) -> None:
    """Write the log up to a moment into a file, verify the file, and record that it was made.

    The file is what `teamledger audit export` writes, and is proved by `teamledger audit verify`.
    Nothing is removed: the log keeps all that is archived.
    """
    moment = before.replace(tzinfo=before.tzinfo or UTC)
    if file.exists():
        raise typer.BadParameter(f"{file} is there already: archives are not replaced")
    exported.check_writable(file)
    with any_log(load_settings()) as url:
        conninfo = service_conninfo(url)
        made = _write(conninfo, file, moment)
        position = asyncio.run(record(conninfo, made))
    told = {"file": str(file), **made.model_dump(mode="json"), "position": position}
    typer.echo(orjson.dumps({**told, "before": timestamp(made.before)}))


def _write(conninfo: str, file: Path, before: datetime) -> AuditArchived:
    """The archive, once it is proved; raises NothingToArchive, or leaves no file behind."""
    with psycopg.connect(conninfo, autocommit=True) as conn, conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        checkpoint, verifier = _checkpoint(conn, before)
        with progress_bar("leaves") as told:
            exported.write(file, export_lines(conn, told, checkpoint.size))
    verdict = verify(exported.read(file), verifiers=[verifier])
    if verdict.problem is not None:
        file.unlink()
        raise NothingToArchive(f"the log is not as it was sealed: {verdict.problem}")
    with file.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return AuditArchived(
        before=before,
        until=checkpoint.events,
        leaves=checkpoint.size,
        root=checkpoint.root.hex(),
        sha256=digest,
    )


def _checkpoint(conn: psycopg.Connection[Any], before: datetime) -> tuple[Checkpoint, str]:
    found = conn.execute(_LAST, (before,)).fetchone()
    if found is None:
        raise NothingToArchive(f"no checkpoint was signed by {timestamp(before)}")
    note, verifier = found
    return opened(note, public_key(verifier)), verifier
