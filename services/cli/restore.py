"""`teamledger restore`: a backup into an empty data directory or database."""

import asyncio
import time
from pathlib import Path
from typing import Annotated, NamedTuple
from uuid import UUID

import orjson
import typer

from services.cli.backup import contents, summary, undone_by_sigterm
from services.cli.database import databases_at, locked_database
from services.cli.failures import explained
from services.cli.output import progress_bar
from services.cli.rebuild import rebuild_read_models
from services.database.backup.load import RestoreRefused, check_migrations, load
from services.database.backup.manifest import Manifest
from services.database.backup.reader import Archive
from services.database.schemas import EVENT_MIGRATIONS
from services.database.secrets import find_root_key
from services.database.vault import root_fingerprint
from services.settings import Settings, load_settings


class Restored(NamedTuple):
    """The epoch of the restored store, and how long its read models took."""

    epoch: UUID
    rebuild_seconds: float


@explained
def restore(
    file: Annotated[Path, typer.Argument(help="An archive made by `teamledger backup`.")],
    check: Annotated[
        bool, typer.Option("--check", help="Read and check the archive; touch no database.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Fill an empty data directory or database, under a new epoch, read models included.

    The service must not run. Needs the root key of the backup, in TEAMLEDGER_ROOT_KEY or as the
    file it had in the data directory. What was interrupted can be repeated.
    """
    began = time.monotonic()
    with undone_by_sigterm(), Archive(file) as archive:
        restored = None if check else _restored(archive)
        if check:
            _check(archive)
    seconds = time.monotonic() - began
    _show(file, archive.manifest, restored, seconds, as_json=as_json)


def _restored(archive: Archive) -> Restored:
    """What can be told at once is told before the whole archive is read, let alone written."""
    settings = load_settings()
    check_migrations(archive.manifest, EVENT_MIGRATIONS)
    root_key = _root_key(settings, archive.manifest)
    _check(archive)
    with locked_database(settings) as url:
        with progress_bar("restoring") as told:
            epoch = load(url, archive, EVENT_MIGRATIONS, told=told)
        databases = databases_at(url, settings)
        databases.prepare()
        began = time.monotonic()
        asyncio.run(rebuild_read_models(databases, root_key))
    return Restored(epoch, time.monotonic() - began)


def _check(archive: Archive) -> None:
    with progress_bar("checking") as told:
        archive.check(told)


def _root_key(settings: Settings, manifest: Manifest) -> bytes:
    key = find_root_key(settings)
    if key is not None and root_fingerprint(key).hex() == manifest.root_key:
        return key
    found = "no root key is given" if key is None else "the root key is another one"
    raise RestoreRefused(
        f"{found}: the backup needs the one of fingerprint {manifest.root_key[:16]}; set "
        "TEAMLEDGER_ROOT_KEY to it, or put the file root.key (mode 0600) that the service had "
        f"into {settings.data_dir / 'secrets'} (mode 0700)"
    )


def _show(
    file: Path, manifest: Manifest, restored: Restored | None, seconds: float, *, as_json: bool
) -> None:
    if as_json:
        found = {**summary(file, manifest), "seconds": round(seconds, 2)}
        if restored is not None:
            found["restored_as"] = restored.epoch
            found["rebuild_seconds"] = round(restored.rebuild_seconds, 2)
        typer.echo(orjson.dumps(found))
        return
    typer.echo(f"{file}: {contents(manifest)}")
    if restored is None:
        typer.echo("The archive is whole: checksums, numbers of rows and positions are right")
        return
    typer.echo(
        f"Restored as epoch {restored.epoch}, read models rebuilt: start the service with this key"
    )
    typer.echo(
        f"Who was forgotten after {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC is not forgotten in "
        "it: run `teamledger forget --list` with what `teamledger forgotten` told there, first"
    )
