"""The answer of GET /team/daily/activity and of its kin (team-api.md 3.19)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact, localcontext
from typing import NamedTuple

from events.streams import KEY
from events.values import JsonObject
from services.edge.shapes.money import NOTHING_SPENT, usd

KEYS_SHOWN = 1_000
"""Keys that one map shows, those that spent most; beyond, it says how many there are."""

UNASSIGNED, UNKNOWN = "Unassigned", "unknown"
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])


class Metrics(NamedTuple):
    """What was spent and used: USD, tokens and numbers of requests."""

    spend: Decimal = NOTHING_SPENT
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    successful_requests: int = 0
    failed_requests: int = 0

    @property
    def total_tokens(self) -> int:
        """Those of prompts and of completions."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def api_requests(self) -> int:
        """Those that succeeded and those that failed."""
        return self.successful_requests + self.failed_requests


NOTHING = Metrics()


class Line(NamedTuple):
    """What was spent on one day in one way: by a key, on a model, for an entity.

    `entity` is what the answer is about: the id of a team, user or organization. Whatever is None
    was not told.
    """

    day: date
    entity: str | None
    key: str | None
    model: str | None
    model_group: str | None
    mcp_tool: str | None
    provider: str | None
    endpoint: str | None
    metrics: Metrics


Labels = Mapping[tuple[str, str], JsonObject]
"""The metadata of keys and of entities, by kind and by sha256 or id."""

_MAPS: Mapping[str, Callable[[Line], str | None]] = {
    "models": lambda line: line.model,
    "model_groups": lambda line: line.model_group,
    "mcp_servers": lambda line: line.mcp_tool,
    "providers": lambda line: line.provider or UNKNOWN,
    "endpoints": lambda line: line.endpoint,
    "entities": lambda line: UNASSIGNED if line.entity is None else line.entity,
}


def total(parts: Sequence[Metrics]) -> Metrics:
    """The sum, exact whatever the number of digits."""
    if len(parts) == 1:
        return parts[0]
    with localcontext(_EXACT):
        return Metrics._make(map(sum, zip(*parts, strict=True))) if parts else NOTHING


def metrics(of: Metrics) -> JsonObject:
    """M (team-api.md 3.19)."""
    return {
        "spend": usd(of.spend),
        "prompt_tokens": of.prompt_tokens,
        "completion_tokens": of.completion_tokens,
        "cache_read_input_tokens": of.cache_read_input_tokens,
        "cache_creation_input_tokens": of.cache_creation_input_tokens,
        "total_tokens": of.total_tokens,
        "successful_requests": of.successful_requests,
        "failed_requests": of.failed_requests,
        "api_requests": of.api_requests,
    }


def activity_day(lines: Sequence[Line], kind: str, labels: Labels) -> JsonObject:
    """One day: its sum, and the same sum divided in several ways; entities are of this kind.

    Of keys a map shows the KEYS_SHOWN that spent most, and then has `api_keys_total` beside it.
    """
    breakdown = {name: _divided(lines, told, labels) for name, told in _MAPS.items()}
    for name, of in breakdown["entities"].items():
        of["metadata"] = labels.get((kind, name), {})
    breakdown["api_keys"], cut = _by_key(lines, labels)
    return {
        "date": lines[0].day.isoformat(),
        "metrics": metrics(total([line.metrics for line in lines])),
        "breakdown": {**breakdown, **cut},
    }


def daily_activity(days: object, totals: Metrics, page: int, total_pages: int) -> JsonObject:
    """One page of days, the newest first; `totals` are those of the whole range (D40)."""
    return {
        "results": days,
        "metadata": {
            "total_spend": usd(totals.spend),
            "total_prompt_tokens": totals.prompt_tokens,
            "total_completion_tokens": totals.completion_tokens,
            "total_tokens": totals.total_tokens,
            "total_api_requests": totals.api_requests,
            "total_successful_requests": totals.successful_requests,
            "total_failed_requests": totals.failed_requests,
            "total_cache_read_input_tokens": totals.cache_read_input_tokens,
            "total_cache_creation_input_tokens": totals.cache_creation_input_tokens,
            "page": page,
            "total_pages": total_pages,
            "has_more": page < total_pages,
        },
    }


def _divided(
    lines: Iterable[Line], told: Callable[[Line], str | None], labels: Labels
) -> JsonObject:
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if (name := told(line)) is not None:
            found[name].append(line)
    return {name: _named(of, labels) for name, of in found.items()}


def _named(lines: Sequence[Line], labels: Labels) -> JsonObject:
    keys, cut = _by_key(lines, labels)
    return {
        "metrics": metrics(total([line.metrics for line in lines])),
        "metadata": {},
        "api_key_breakdown": keys,
        **cut,
    }


def _by_key(lines: Iterable[Line], labels: Labels) -> tuple[JsonObject, JsonObject]:
    """Sums by key; and how many keys there are, where not all of them are shown."""
    found: defaultdict[str, list[Metrics]] = defaultdict(list)
    for line in lines:
        if line.key is not None:
            found[line.key].append(line.metrics)
    sums = {key: total(parts) for key, parts in found.items()}
    cut = {}
    if len(sums) > KEYS_SHOWN:
        cut = {"api_keys_total": len(sums)}
        most = sorted(sums.items(), key=lambda of: (-of[1].spend, of[0]))
        sums = dict(most[:KEYS_SHOWN])
    shown = {
        key: {"metrics": metrics(of), "metadata": labels[KEY, key]} for key, of in sums.items()
    }
    return shown, cut
