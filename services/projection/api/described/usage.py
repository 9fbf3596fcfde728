"""Reads about usage that was not booked on anybody (decision 010)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from events.values import JsonObject
from services.edge.openapi.answers.usage import QuarantinePage, UnattributedPage
from services.edge.openapi.examples import KEY_VIEW, MODEL, NOW
from services.edge.openapi.operation import Operation
from services.edge.shapes.usage import (
    QuarantinedView,
    UnattributedView,
    quarantined,
    unattributed,
)
from services.projection.api.asked import Asked, refused_query
from services.projection.api.described.common import read
from services.projection.api.routes.usage import QuarantineQuery, UnattributedQuery

_GATEWAY = "eu"
_WAITING = QuarantinedView(
    id="9b5c0ff4a3d54ae0b4f0c2a6be5a1d3e",
    source=_GATEWAY,
    request_id="call-2",
    reason="began more than 35 days before it was reported",
    received_at=NOW,
    usage={
        "id": "call-2",
        "started_at": "2026-01-30T13:27:45.491966Z",
        "key_hash": KEY_VIEW.token,
        "model": MODEL,
        "cost": "0.0000135",
    },
)
_NOBODYS = UnattributedView(
    source=_GATEWAY,
    key_hash=KEY_VIEW.token,
    team_id=None,
    user_id=None,
    reason="unknown key",
    cost=Decimal("0.0000135"),
    prompt_tokens=10,
    completion_tokens=20,
    succeeded=1,
    failed=0,
    since=NOW.replace(minute=15, second=0, microsecond=0),
    until=NOW.replace(minute=15, second=0, microsecond=0),
)


def _page(
    route: str,
    id: str,  # noqa: A002
    answers: object,
    example: JsonObject,
    query: type[Asked],
) -> Operation:
    """A page that goes on where another one ended; nothing in it comes from the event log."""
    operation = read(
        route,
        id,
        answers,
        example=example,
        query={"limit": 100},
        refusals={"bad_place": refused_query(query, after="nowhere")},
    )
    return replace(operation, headers=())


OPERATIONS: Mapping[str, Operation] = {
    "/v1/usage/quarantine": _page(
        "/v1/usage/quarantine",
        "list_quarantined_usage",
        QuarantinePage,
        {"quarantine": [quarantined(_WAITING)], "next": None},
        QuarantineQuery,
    ),
    "/v1/usage/unattributed": _page(
        "/v1/usage/unattributed",
        "list_unattributed_usage",
        UnattributedPage,
        {"unattributed": [unattributed(_NOBODYS)], "next": None},
        UnattributedQuery,
    ),
}
