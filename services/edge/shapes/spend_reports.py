"""Reports on spend as LiteLLM answers them, and single calls (supporting-api.md 6, S18)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

from events.values import JsonObject
from services.edge.shapes.activity import UNASSIGNED, Metrics, total
from services.edge.shapes.money import usd
from services.edge.shapes.times import iso

TOP_TEAMS = 10
DATE = "date"
SUCCESS, FAILURE = "success", "failure"
_CENT = Decimal("0.01")
_WIDE = Context(prec=60, rounding=ROUND_HALF_UP)


class TeamDay(NamedTuple):
    """What a team spent on a day; None is what no team spent."""

    day: date
    team_id: str | None
    metrics: Metrics


class TeamLine(NamedTuple):
    """What a team spent on a day on a model by a key."""

    day: date
    team_id: str | None
    model: str
    key: str | None
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Call:
    """One record of the ledger, with what its series tells; `corrects` another one, or is a call.

    `key_hash`, `team_id` and `user_id` may be claims that nobody could confirm.
    """

    request_id: str
    started_at: datetime
    ended_at: datetime | None
    cost: Decimal
    prompt_tokens: int
    completion_tokens: int
    succeeded: bool
    corrects: str | None
    key_hash: str | None
    key_alias: str | None
    user_id: str | None
    team_id: str | None
    team_alias: str | None
    organization_id: str | None
    model: str
    model_group: str | None
    provider: str | None
    endpoint: str | None
    mcp_tool: str | None
    tags: Sequence[str]


def labels(aliases: Mapping[str | None, str | None]) -> dict[str | None, str]:
    """What each team is called in a report, no two alike: by its alias, or else its id.

    Teams of one alias are told apart by their ids behind it (S18). `date` is no name of a team:
    it has a meaning beside them.
    """
    names = {
        team_id: UNASSIGNED if team_id is None else alias or team_id
        for team_id, alias in aliases.items()
    }
    while clashes := {name for name, n in Counter([*names.values(), DATE]).items() if n > 1}:
        for team_id, name in names.items():
            if name in clashes and team_id is not None:
                names[team_id] = f"{name} ({team_id})"
    return names


def spend_of_teams(rows: Iterable[TeamDay], names: Mapping[str | None, str]) -> JsonObject:
    """/global/spend/teams: amounts in whole cents, rounded after they were summed."""
    by_day: defaultdict[date, JsonObject] = defaultdict(dict)
    by_team: defaultdict[str | None, list[Metrics]] = defaultdict(list)
    for row in rows:
        by_day[row.day][names[row.team_id]] = _cents(row.metrics.spend)
        by_team[row.team_id].append(row.metrics)
    spent = {names[team_id]: total(parts).spend for team_id, parts in by_team.items()}
    ranked = sorted(spent, key=lambda name: (-spent[name], name))
    return {
        "daily_spend": [{DATE: day.isoformat(), **by_day[day]} for day in sorted(by_day)],
        "teams": ranked,
        "total_spend_per_team": [
            {"team_id": name, "total_spend": _cents(spent[name])} for name in ranked[:TOP_TEAMS]
        ],
    }


def report_day(
    begin: datetime, lines: Sequence[TeamLine], names: Mapping[str | None, str]
) -> JsonObject:
    """One day of /global/spend/report; `begin` is its midnight, with the offset of its zone."""
    teams: defaultdict[str | None, list[TeamLine]] = defaultdict(list)
    for line in lines:
        teams[line.team_id].append(line)
    return {
        "group_by_day": begin.isoformat(),
        "teams": [
            {
                "team_name": names[team_id],
                "total_spend": usd(total([line.metrics for line in of]).spend),
                "metadata": [_line(line) for line in of],
            }
            for team_id, of in teams.items()
        ],
    }


def call(of: Call) -> JsonObject:
    """One row of /spend/logs/v2: what is not kept is empty, as LiteLLM has it where it is off.

    A correction has no status and says in its metadata what it corrects.
    """
    ended = of.started_at if of.ended_at is None else of.ended_at
    status = None if of.corrects else SUCCESS if of.succeeded else FAILURE
    return {
        "request_id": of.request_id,
        "call_type": of.endpoint or "",
        "api_key": of.key_hash or "",
        "spend": usd(of.cost),
        "total_tokens": of.prompt_tokens + of.completion_tokens,
        "prompt_tokens": of.prompt_tokens,
        "completion_tokens": of.completion_tokens,
        "startTime": iso(of.started_at),
        "endTime": iso(ended),
        "request_duration_ms": (ended - of.started_at) // timedelta(milliseconds=1),
        "completionStartTime": None,
        "model": of.model,
        "model_id": "",
        "model_group": of.model_group or "",
        "custom_llm_provider": of.provider or "",
        "api_base": "",
        "user": of.user_id or "",
        "metadata": _metadata(of, status),
        "cache_hit": "",
        "cache_key": "",
        "request_tags": list(of.tags),
        "team_id": of.team_id,
        "organization_id": of.organization_id,
        "end_user": None,
        "requester_ip_address": None,
        "messages": {},
        "response": {},
        "session_id": None,
        "status": status,
        "mcp_namespaced_tool_name": of.mcp_tool,
        "agent_id": None,
        "proxy_server_request": {},
    }


def _metadata(of: Call, status: str | None) -> JsonObject:
    told: JsonObject = {
        "status": status,
        "user_api_key": of.key_hash,
        "user_api_key_alias": of.key_alias,
        "user_api_key_user_id": of.user_id,
        "user_api_key_team_id": of.team_id,
        "user_api_key_team_alias": of.team_alias,
        "user_api_key_org_id": of.organization_id,
    }
    return told if of.corrects is None else {**told, "corrects": of.corrects}


def _line(line: TeamLine) -> JsonObject:
    return {
        "model": line.model,
        "api_key": line.key or "",
        "spend": usd(line.metrics.spend),
        "total_tokens": line.metrics.total_tokens,
    }


def _cents(amount: Decimal) -> float:
    return usd(amount.quantize(_CENT, context=_WIDE))
