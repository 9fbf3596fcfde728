"""`teamledger rebuild`: read models made anew from the events, beside the live ones."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from services.cli.audit import notes
from services.cli.database import any_log, databases_at
from services.cli.differences import show
from services.cli.failures import explained
from services.cli.from_file import rebuild_from_file
from services.cli.output import progress_bar
from services.database.connections import entered_pool, service_conninfo
from services.database.schemas import Databases
from services.database.secrets import load_secrets
from services.database.vault import Vault
from services.projection.comparison import Comparison
from services.projection.feed.store import StoreFeed
from services.projection.filling.crew import Alone, Crew, Others, Together, crew_for, other_cores
from services.projection.filling.taker import spare_the_collector
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.rebuild import Judge, RebuildReport, always, discard
from services.projection.rebuild import rebuild as run_rebuild
from services.projection.runner import ProjectionGroup
from services.settings import load_settings

Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, max=64, help="Processes; one per core by default.")
]


@explained
def rebuild(
    check: Annotated[
        bool, typer.Option("--check", help="Compare only: swap nothing, keep nothing.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Swap the new tables in whatever differs.")
    ] = False,
    jobs: Jobs = None,
    from_file: Annotated[
        Path | None,
        typer.Option(
            help="What `teamledger audit export` wrote, instead of the store; see --into."
        ),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(help="With --from-file: a new schema, or the address of another database."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="With --from-file, as for `audit verify`; repeatable.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="With --from-file, as for `audit verify`: whom to trust.")
    ] = None,
) -> None:
    """Fill new tables from all events, show what differs from the live ones, swap them in.

    The service may go on running: the old tables are served until the swap. An interrupted rebuild
    goes on where it stopped. Where rows differ it asks, and without a terminal stops there with
    status 1, unless --yes is given; --check ends with status 1 as well if rows differ.

    --from-file makes read models of a verified export, to be read with SQL, in a place of their
    own. Personal data stays sealed in them, and no service can run on them.
    """
    if check and yes:
        raise typer.BadParameter("--check swaps nothing: leave --yes away")
    if (from_file is None) != (into is None) or (from_file and (check or yes)):
        raise typer.BadParameter("--from-file and --into go together, and without --check or --yes")
    if from_file is not None and into is not None:
        trusted = [note for path in checkpoint or [] for note in notes(path)]
        rebuild_from_file(from_file, into, trusted=trusted, key=key, jobs=jobs)
        return
    settings = load_settings()
    with any_log(settings) as url:
        databases = databases_at(url, settings)
        databases.prepare()
        root_key = load_secrets(settings).root_key
        judge = _judge(check=check, yes=yes)
        report = asyncio.run(_rebuilt(databases, root_key, judge, jobs, check))
    _told(report, check=check)
    same = report.compared_at is not None and all(table.equal for table in report.tables)
    if not report.swapped and not (check and same):
        raise typer.Exit(1)


async def rebuild_read_models(databases: Databases, root_key: bytes) -> RebuildReport:
    """Make them again with a progress bar and swap them in. Raises RebuildFailed."""
    return await _rebuilt(databases, root_key, always, None)


async def _rebuilt(
    databases: Databases, root_key: bytes, judge: Judge, jobs: int | None, check: bool = False
) -> RebuildReport:
    reads, log = databases.reads, databases.events
    async with _group(databases, root_key) as group:
        count = other_cores() if jobs is None else jobs - 1
        together = Together(Alone(group.projectors), Others(count, root_key))
        spare_the_collector()

        def crew(events: int) -> Crew:
            return crew_for(events, together)

        with ExitStack() as bars:
            told = bars.enter_context(progress_bar("read models", "events"))

            async def judged(tables: Sequence[Comparison]) -> bool:
                bars.close()
                return await judge(tables)

            report = await run_rebuild(
                group, reads, log_url=log, progress=told, judge=judged, crew=crew
            )
        if check:
            await discard(group, reads)
        return report


@asynccontextmanager
async def _group(databases: Databases, root_key: bytes) -> AsyncIterator[ProjectionGroup]:
    conninfo = service_conninfo(databases.events)
    async with AsyncExitStack() as stack:
        pool = await entered_pool(stack, conninfo, "rebuild", 1, 4)
        read_conninfo = service_conninfo(databases.reads)
        read_pool = await entered_pool(stack, read_conninfo, "rebuild reads", 1, 2)
        feed = StoreFeed(pool, conninfo)
        stack.push_async_callback(feed.close)
        vault = Vault(pool, root_key)
        await vault.open()
        projectors = contract_projectors(vault.open_all)
        yield ProjectionGroup(GROUP, projectors, feed, read_pool, Head(pool))


def _judge(*, check: bool, yes: bool) -> Judge:
    async def judge(tables: Sequence[Comparison]) -> bool:
        show(tables)
        if check or all(table.equal for table in tables):
            return not check
        return yes or (sys.stdin.isatty() and typer.confirm("Swap the new tables in?"))

    return judge


def _told(report: RebuildReport, *, check: bool) -> None:
    if report.resumed:
        typer.echo(f"an earlier run had folded {report.resumed} events")
    if report.compared_at is None:
        typer.echo("the tables served before could not be compared: empty, or of another store")
    if report.swapped:
        typer.echo(f"rebuilt up to position {report.position}")
    elif check:
        typer.echo(f"compared at position {report.compared_at}; nothing was changed")
    else:
        typer.echo("not swapped in; `teamledger rebuild --yes` goes on from here and does it")
