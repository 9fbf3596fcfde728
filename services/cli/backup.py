"""`teamledger backup`: the event database as one file, while the service goes on."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from services.cli.database import any_database
from services.cli.failures import explained
from services.cli.output import progress_bar
from services.database.backup.manifest import LOG, Manifest
from services.database.backup.take import back_up
from services.settings import load_settings


@explained
def backup(
    file: Annotated[Path, typer.Argument(help="The archive to make.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Write events and what commands need into one file; the service may go on running.

    Neither root key nor master key is inside: keep the root key elsewhere, or nothing that was
    sealed can be read again.
    """
    began = time.monotonic()
    with undone_by_sigterm(), any_database(load_settings()) as url, progress_bar("rows") as told:
        manifest = back_up(url, file, force=force, told=told)
    if as_json:
        seconds = round(time.monotonic() - began, 2)
        typer.echo(orjson.dumps({**summary(file, manifest), "seconds": seconds}))
        return
    typer.echo(f"{file}: {contents(manifest)}")
    typer.echo(
        f"It can be restored only with the root key of fingerprint {manifest.root_key[:16]}, "
        "which is NOT in it: keep that key in another place"
    )


@contextmanager
def undone_by_sigterm() -> Iterator[None]:
    """SIGTERM undoes what is half done in the block, as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def contents(manifest: Manifest) -> str:
    """What is in an archive, in one line."""
    rows = ", ".join(f"{m.rows} {m.table}" for m in manifest.members if m.table != LOG and m.rows)
    made = f"{manifest.created_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{manifest.position} events of {made}; {rows}"


def summary(file: Path, manifest: Manifest) -> dict[str, Any]:
    """The same for programs."""
    return {
        "file": str(file),
        "bytes": file.stat().st_size,
        "created_at": manifest.created_at,
        "teamledger": manifest.teamledger,
        "epoch": manifest.epoch,
        "position": manifest.position,
        "event_id": manifest.event_id,
        "root_key_fingerprint": manifest.root_key,
        "rows": {member.table: member.rows for member in manifest.members},
    }
