"""`--into`: where read models of their own are made, and how they are shown to be there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from services.cli.backup import undone_by_sigterm
from services.cli.output import progress_bar
from services.database.connections import check_address
from services.database.migrations import migrate
from services.database.schemas import MIGRATIONS
from services.projection.filling.crew import Alone, Crew, Others, Together, crew_for, other_cores
from services.projection.filling.job import Log
from services.projection.filling.taker import keep_sealed, spare_the_collector
from services.projection.materialise import Destination, materialise
from services.projection.progress import Progress
from services.projection.projectors import contract_projectors


def is_address(into: str) -> bool:
    """Whether it names a database, not a schema of ours."""
    return "://" in into or "=" in into


@contextmanager
def claimed(into: str, own_url: str | None) -> Iterator[Destination]:
    """What is meant by it, empty; nothing is left of it where the block fails.

    `own_url` is the database of our read models, in which a schema may be made. Raises
    DestinationUnusable.
    """
    if own_url is None or is_address(into):
        check_address(into, "--into")
        destination = Destination(into)
    else:
        destination = Destination(own_url, into)
    migrate(destination.url, MIGRATIONS / "read", schema="read")
    with undone_by_sigterm():
        asyncio.run(destination.claim())
        try:
            yield destination
        except BaseException:
            asyncio.run(destination.give_up(contract_projectors(keep_sealed)))
            raise


def filled(destination: Destination, log: Log, at: Progress, jobs: int | None) -> dict[str, int]:
    """Fill it, with a progress bar; rows by table."""
    projectors = contract_projectors(keep_sealed)
    others = Others(other_cores() if jobs is None else jobs - 1, root_key=None)
    together = Together(Alone(projectors), others)
    spare_the_collector()

    def crew(events: int) -> Crew:
        return crew_for(events, together)

    with progress_bar("read models", "events") as told:
        return asyncio.run(materialise(log, at, destination, projectors, crew=crew, told=told))


def show(destination: Destination, rows: dict[str, int], position: int) -> None:
    """What stands there now."""
    schema = destination.schema or "read"
    for table, count in rows.items():
        typer.echo(f"{schema}.{table}: {count} rows")
    typer.echo(
        f"made up to position {position}; e-mail addresses and names of users stay sealed in them"
    )
