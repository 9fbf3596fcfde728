"""`teamledger import-litellm`: a LiteLLM database becomes the history of this service."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from services.cli.backup import undone_by_sigterm
from services.cli.database import databases_at, locked_database
from services.cli.failures import explained
from services.cli.litellm.report import Report
from services.cli.litellm.run import import_all
from services.cli.litellm.source import SourceUnusable, opened_source
from services.cli.output import progress_bar
from services.database.secrets import load_secrets
from services.settings import load_settings

SOME_REFUSED = 1


@explained
def import_litellm(
    database_url: Annotated[
        str,
        typer.Option(
            envvar="LITELLM_DATABASE_URL", help="LiteLLM's database. It is only read from."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything but record what was read.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write every entry, one JSON object a line.")
    ] = None,
) -> None:
    """Record budgets, organizations, users, teams and keys, so that existing secrets keep working.

    The service must not run on the data directory; with TEAMLEDGER_DATABASE_URL it may. Run it
    again for what is new in LiteLLM. Exit status 1: something was refused, and is in the report.
    """
    began = time.monotonic()
    settings = load_settings()
    with _written(report_file) as file, opened_source(database_url) as source:
        secrets = load_secrets(settings)
        if secrets.created_master_key:
            typer.echo(f"master key, shown this once: {secrets.master_key}", err=True)
        report = Report(file)
        with undone_by_sigterm(), locked_database(settings) as url:
            databases_at(url, settings).prepare()
            if file is not None and report_file is not None and report_file.is_file():
                file.truncate(0)
            with progress_bar("importing") as told:
                work = import_all(source, url, secrets.root_key, report, told, rehearsal=dry_run)
                run = asyncio.run(work)
    seconds = round(time.monotonic() - began, 2)
    _show(report, as_json=as_json, run=run, dry_run=dry_run, seconds=seconds)
    if report.refused:
        raise typer.Exit(SOME_REFUSED)


@contextmanager
def _written(path: Path | None) -> Iterator[IO[bytes] | None]:
    """To be emptied once there is something to report: until then that of another run is kept."""
    if path is None:
        yield None
        return
    try:
        file = path.open("ab")
    except OSError as failed:
        raise SourceUnusable(f"the report cannot be written: {failed}") from None
    with file:
        yield file


def _show(report: Report, *, as_json: bool, **about: Any) -> None:  # noqa: ANN401
    if as_json:
        typer.echo(report.as_json(**about))
        return
    report.show()
    if about["dry_run"]:
        typer.echo("Nothing was recorded: this was a rehearsal")
    else:
        typer.echo(f"Recorded as import {about['run']} in {about['seconds']} s; start the service")
