"""`python -m tests.benchmarks.past`: a team of 10,000 facts as of moments of its past.

Beside the present of the same team, and the past without snapshots, all in one run.
Exit code 0: measured, every answer was the right one; 2: it could not be, and why.
"""

import asyncio
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from events.registry import DomainEvent
from events.team import MemberRoleChanged, TeamBudgetChanged, TeamMetadataChanged, TeamRenamed
from services.database.embedded import EmbeddedServer
from services.projection.past.snapshotter import EVERY
from tests.benchmarks.processes import BenchmarkError, workspace
from tests.support.eventlog import append
from tests.support.facts import budget
from tests.support.reading import World, reading, team

TEAM_ID = "long"
PRESENT, FOLDED, SNAPSHOTS = "now", "as_of, folded from the first fact", "as_of, from snapshots"


class PastReport(BaseModel):
    """Milliseconds of each sort of question, sorted; `facts` are those of the team."""

    model_config = ConfigDict(frozen=True)
    facts: int
    members: int
    milliseconds: dict[str, list[float]]

    def median(self, what: str) -> float:
        return median(self.milliseconds[what])


def measure(facts: int, members: int, questions: int, directory: Path | None) -> PastReport:
    """One run on a fresh data directory; raises BenchmarkError for a wrong answer."""
    with ExitStack() as stack:
        data = stack.enter_context(workspace(directory)) / "data"
        url = stack.enter_context(EmbeddedServer(data)).conninfo()
        return asyncio.run(_measure(url, facts, members, questions))


async def _measure(url: str, facts: int, members: int, questions: int) -> PastReport:
    async with reading(url) as world:
        aliases = await _written(world, facts, members)
        asked = random.Random(1).choices(sorted(aliases), k=questions)
        taken: dict[str, list[float]] = {}
        taken[PRESENT], taken[FOLDED] = await _asked(world, asked, aliases)
        while await world.context.snapshotter.make():
            pass
        again, taken[SNAPSHOTS] = await _asked(world, asked, aliases)
        taken[PRESENT] = sorted([*taken[PRESENT], *again])
    return PastReport(facts=facts, members=members, milliseconds=taken)


async def _written(world: World, facts: int, members: int) -> Mapping[int, str]:
    """What the team was called at each position."""
    world.team(TEAM_ID, {f"user-{n}": "user" for n in range(members)}, team_alias="0")
    found = {world.history.position: "0"}
    commands = []
    for number, event in enumerate(_changes(facts - members - 1, members)):
        commands += world.history.command((team(TEAM_ID), event))
        renamed = event.after if isinstance(event, TeamRenamed) else None
        found[world.history.position] = renamed or found[world.history.position - 1]
        if number % 1_000 == 0:
            append(world.log, commands)
            commands = []
    append(world.log, commands)
    await world.settled()
    return found


def _changes(count: int, members: int) -> Iterator[DomainEvent]:
    for number in range(count):
        match number % 4:
            case 0:
                yield TeamRenamed(before=str(number), after=str(number + 1))
            case 1:
                yield TeamBudgetChanged(before=budget(number), after=budget(number + 1))
            case 2:
                yield TeamMetadataChanged(before={}, after={"cost_center": f"cc-{number}"})
            case _:
                who = f"user-{number % members}"
                yield MemberRoleChanged(user_id=who, before="user", after="user")


async def _asked(
    world: World, positions: Sequence[int], aliases: Mapping[int, str]
) -> tuple[list[float], list[float]]:
    """Milliseconds for the present and for the past, in turn."""
    present, past = [], []
    for position in positions:
        began = perf_counter()
        await world.ok("/team/info", team_id=TEAM_ID)
        between = perf_counter()
        shown = await world.ok("/team/info", team_id=TEAM_ID, as_of=position)
        past.append((perf_counter() - between) * 1_000)
        present.append((between - began) * 1_000)
        if shown["team_info"]["team_alias"] != aliases[position]:
            raise BenchmarkError(f"as of {position}: {shown['team_info']['team_alias']}")
    return sorted(present), sorted(past)


def render(report: PastReport) -> Table:
    """Medians and 95th percentiles, and how many times the present each takes."""
    title = f"/team/info of a team with {report.facts:,} facts and {report.members} members"
    table = Table(title=title)
    for name in ("", "median ms", "95 % ms", "times the present"):
        table.add_column(name, justify="left" if not name else "right")
    for what, taken in report.milliseconds.items():
        most = quantiles(taken, n=20)[-1]
        ratio = report.median(what) / report.median(PRESENT)
        table.add_row(what, f"{median(taken):.1f}", f"{most:.1f}", f"{ratio:.1f}")
    return table


def main(
    facts: Annotated[int, typer.Option(help="Facts of the team.", min=1_000)] = 10_000,
    members: Annotated[int, typer.Option(help="Its members.", min=1)] = 100,
    questions: Annotated[int, typer.Option(help="Moments asked about.", min=20)] = 100,
    directory: Annotated[Path | None, typer.Option(help="Where to keep the data.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
) -> None:
    """Measure, and say how far apart the snapshots are."""
    try:
        report = measure(facts, members, questions, directory)
    except BenchmarkError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    Console().print(render(report), f"a snapshot every {EVERY} facts")
    if json is not None:
        json.write_text(report.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
