"""`teamledger demo`: a company that does not exist, put into a running service to play with."""

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table

from services.cli.company import MARKER, TEAMS, Call, script_of
from services.cli.company.performance import Performance
from services.cli.failures import explained
from services.cli.ledger_client import Answered, LedgerClient, ServiceRefused, connect
from services.cli.output import cell, print_table
from services.cli.target import target

NOT_FOUND = 404
DEFAULT_SEED = 7


@explained
def demo(
    url: Annotated[
        str | None, typer.Option(help="The running service; else TEAMLEDGER_HOST and _PORT.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Key of a proxy admin; else TEAMLEDGER_MASTER_KEY, or the master key that the "
            "service made in TEAMLEDGER_DATA_DIR."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another company.")] = (
        DEFAULT_SEED
    ),
    as_json: Annotated[
        bool, typer.Option("--json", help="The summary as one JSON object.")
    ] = False,
) -> None:
    """Fill a running service with a company: teams, people, keys, and a history of changes.

    A company that is there already is left alone, one that was interrupted is completed; both
    end with status 0. To be rid of it, delete the teams whose ids begin with `halden-`.
    """
    client = connect(*target(url, key))
    with closing(client.http):
        calls = script_of(seed)
        made = not _complete(client, seed)
        if made:
            _perform(client, calls)
        summary = {"url": client.address, "seed": seed, "made": made, **_summary(client, calls)}
    typer.echo(json.dumps(summary)) if as_json else _show(summary, client.header)


def _complete(client: LedgerClient, seed: int) -> bool:
    """Whether the company is there. Raises ServiceRefused if another one is in its place.

    To delete no teams changes nothing, but only a proxy admin may: others are refused here.
    """
    client.post("/team/delete", {"team_ids": []})
    found = client.get("/v2/team/list", team_id=MARKER.team_id)["teams"]
    if not found:
        return False
    told = (found[0]["metadata"] or {}).get("demo")
    if not isinstance(told, dict) or "seed" not in told:
        raise ServiceRefused(f"there is a team {MARKER.team_id} that is not of this command")
    if told["seed"] != seed:
        raise ServiceRefused(
            f"a demo company is there already, of --seed {cell(str(told['seed']))}: delete the "
            f"teams whose ids begin with halden- before making that of --seed {seed}"
        )
    return told.get("complete") is True


def _perform(client: LedgerClient, calls: Sequence[Call]) -> None:
    ended = client.get("/v2/team/list", team_id=MARKER.team_id, status="deleted")["total"]
    columns = TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("calls", total=len(calls))
        for call in Performance(client, ended).run(calls):
            bar.update(task, advance=1, description=call.path)


def _summary(client: LedgerClient, calls: Sequence[Call]) -> dict[str, Any]:
    """What the script does, and the teams as the service has them now."""
    teams = {plan.team_id: _team(client, plan.team_id) for plan in TEAMS}
    return {
        "people": sum(call.path == "/user/new" for call in calls),
        "teams": [team for team in teams.values() if team is not None],
        "gone_teams": [team_id for team_id, team in teams.items() if team is None],
        "calls": dict(Counter(call.path for call in calls)),
        "claims": sum(call.claim is not None for call in calls),
    }


def _team(client: LedgerClient, team_id: str) -> dict[str, Any] | None:
    try:
        found = client.get("/team/info", team_id=team_id)
    except Answered as refused:
        if refused.status != NOT_FOUND:
            raise
        return None
    info, roles = found["team_info"], [m["role"] for m in found["team_info"]["members_with_roles"]]
    kept = ("team_id", "team_alias", "models", "max_budget", "budget_duration", "blocked")
    return {
        **{name: info[name] for name in kept},
        "members": len(roles),
        "admins": roles.count("admin"),
        "keys": len(found["keys"]),
    }


def _show(summary: dict[str, Any], header: str) -> None:
    if not summary["made"]:
        typer.echo(f"The demo company of --seed {summary['seed']} is there already.")
    print_table(_table(summary["teams"]))
    gone = cell(", ".join(summary["gone_teams"]))
    typer.echo(f"{summary['people']} people; deleted: {gone}. With the key in KEY, try:\n")
    for path in _to_try(summary["teams"]):
        shown = shlex.quote(summary["url"] + path)
        typer.echo(f'  curl -s {shown} -H "{header}: Bearer $KEY"')


def _table(teams: Sequence[dict[str, Any]]) -> Table:
    numbers = ("members", "admins", "keys")
    table = Table(
        Column("team", no_wrap=True),
        Column("alias", overflow="fold"),
        *(Column(name, justify="right") for name in numbers),
        Column("budget", justify="right", no_wrap=True),
    )
    for team in teams:
        alias = (team["team_alias"] or "") + (" (blocked)" if team["blocked"] else "")
        counts = (str(team[name]) for name in numbers)
        table.add_row(cell(team["team_id"]), cell(alias), *counts, _budget(team))
    return table


def _budget(team: dict[str, Any]) -> str:
    if team["max_budget"] is None:
        return "unlimited"
    window = "" if team["budget_duration"] is None else f" / {team['budget_duration']}"
    return f"{team['max_budget']:g}{window}"


def _to_try(teams: Sequence[dict[str, Any]]) -> list[str]:
    team_id = next((team["team_id"] for team in teams), MARKER.team_id)
    return [
        f"/team/info?team_id={team_id}",
        "/v2/team/list?status=deleted",
        f"/audit?object_id={team_id}&page_size=5",
    ]
