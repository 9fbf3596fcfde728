"""The answer of GET /team/daily/activity (team-api.md 3.19)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from events.values import JsonObject
from services.edge.shapes.money import NOTHING_SPENT, usd


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was spent and used: USD, tokens and numbers of requests."""

    spend: Decimal = NOTHING_SPENT
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    successful_requests: int = 0
    failed_requests: int = 0


NOTHING = Metrics()


def daily_activity(
    days: Sequence[JsonObject], totals: Metrics, page: int, total_pages: int
) -> JsonObject:
    """One page of days, the newest first; `totals` are those of the whole range (D40)."""
    return {
        "results": list(days),
        "metadata": {
            "total_spend": usd(totals.spend),
            "total_prompt_tokens": totals.prompt_tokens,
            "total_completion_tokens": totals.completion_tokens,
            "total_tokens": totals.prompt_tokens + totals.completion_tokens,
            "total_api_requests": totals.successful_requests + totals.failed_requests,
            "total_successful_requests": totals.successful_requests,
            "total_failed_requests": totals.failed_requests,
            "total_cache_read_input_tokens": totals.cache_read_input_tokens,
            "total_cache_creation_input_tokens": totals.cache_creation_input_tokens,
            "page": page,
            "total_pages": total_pages,
            "has_more": page < total_pages,
        },
    }
