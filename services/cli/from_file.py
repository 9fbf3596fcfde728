"""`teamledger rebuild --from-file`: read models of an export of the log, when nothing else is left.

The export is verified as `teamledger audit verify` does. It holds facts, not the keys of persons or
the ledger's sums: what is made of it is for reading, never for a service.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import typer

from services.cli.database import any_database, databases_at
from services.cli.destination import claimed, filled, is_address, show
from services.projection.staging import Staged, stage, unstage
from services.proof import export as exported
from services.settings import load_settings


def rebuild_from_file(
    file: Path, into: str, *, trusted: Sequence[str], key: str | None, jobs: int | None
) -> None:
    """Make them in a schema of our database, or in another database.

    Raises BadExport, BadCheckpoint, ExportChanged, DestinationUnusable and what filling raises; of
    what was begun nothing is left then.
    """
    with ExitStack() as stack:
        own = None if is_address(into) else _reads(stack)
        destination = stack.enter_context(claimed(into, own))
        lines = exported.read(file)
        staged = stage(lines, destination.url, destination.schema, trusted=trusted, key=key)
        rows = filled(destination, staged.log, staged.at, jobs)
        unstage(staged)
    show(destination, rows, staged.at.position)
    typer.echo(_proved(staged))


def _reads(stack: ExitStack) -> str:
    """The address of the database of our read models, up until the stack is unwound."""
    settings = load_settings()
    return databases_at(stack.enter_context(any_database(settings)), settings).reads


def _proved(staged: Staged) -> str:
    proved = staged.verdict.proved
    if proved is None:
        return "no checkpoint has been signed yet, so nothing proves the export"
    until = f"{proved.time:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"proved by {staged.verdict.checkpoints} checkpoints up to event {proved.events}, {until}"
    )
