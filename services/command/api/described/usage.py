"""Routes on usage: what gateways report, and what is decided about calls in quarantine."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

import orjson
from pydantic import Field

from events.quarantine import QuarantineBooked, QuarantineDiscarded, Waited
from events.usage import Usage
from events.values import JsonObject
from services.access.policy import check_route
from services.access.principal import PROXY_ADMIN
from services.command.api.described.common import command, unavailability
from services.command.api.render_usage import report
from services.command.api.routes.usage import no_rehearsal
from services.command.application.ledger_page import Entry, Outcome, entry_id
from services.command.application.quarantine import BOOK, DISCARD
from services.command.domain.errors import AlreadySettled, NotFound
from services.command.domain.usage import Attribution
from services.edge.app import DEFAULTS, USAGE
from services.edge.errors import Problem, too_large, unexpected
from services.edge.openapi.answers.usage import (
    LoggedCall,
    SettledUsage,
    UsageCorrection,
    UsageEvent,
    UsageRecord,
    UsageReport,
)
from services.edge.openapi.callers import refusals_of_callers, refused_by, somebody
from services.edge.openapi.components import EVENT_POSITION
from services.edge.openapi.examples import KEY_VIEW, MODEL, NOW
from services.edge.openapi.operation import CORRELATION_ID, Operation
from services.edge.requests.usage import BookUsage
from services.edge.shapes.usage import settled
from services.edge.usage.cloudevents import RECORDED
from services.edge.usage.delivery import EVENT, EVENTS, UsageLimits, delivered
from services.edge.usage.exact import parse
from services.edge.usage.record import usage

GATEWAY = "eu"
"""The gateway that reports in all examples."""

_LIMITS = UsageLimits()
_CALLERS = {
    name: refused
    for name, refused in refusals_of_callers(USAGE, USAGE).items()
    if name != "other_routes"  # a key that lists routes is no gateway's, or lists this one
}
_LATE, _WRONG = (entry_id(GATEWAY, name).hex() for name in ("call-2", "call-3"))
_SETTLED, _MISSING = "f" * 32, "0" * 32
_AT = NOW.isoformat()


def _record(number: int, days: int = 0) -> JsonObject:
    return {
        "id": f"call-{number}",
        "started_at": (NOW - timedelta(days=days)).isoformat(),
        "key_hash": KEY_VIEW.token,
        "model": f"openai/{MODEL}",
        "model_group": MODEL,
        "provider": "openai",
        "cost": 0.0000135,
        "prompt_tokens": 10,
        "completion_tokens": 20,
    }


_SENT = [_record(1), _record(2, days=40), _record(3, days=50)]
_DATA = {name: part for name, part in _record(4).items() if name not in {"id", "started_at"}}
_EVENT = {
    "specversion": "1.0",
    "type": RECORDED,
    "source": GATEWAY,
    "id": "call-4",
    "time": _AT,
    "data": _DATA,
}
_Item = UsageRecord | UsageCorrection | LoggedCall
_Items = Annotated[list[_Item], Field(min_length=1, max_length=_LIMITS.max_items)]


def _read(record: JsonObject) -> Usage:
    return usage(parse(orjson.dumps(record)))


def _reported() -> JsonObject:
    late = "began more than 35 days before it was reported"
    usages = [_read(record) for record in _SENT]
    entries = [Entry(GATEWAY, each, Attribution()) for each in usages]
    outcomes = [Outcome("recorded"), *[Outcome("quarantined", late)] * 2]
    return report(usages, entries, outcomes, 7)


def _waited(number: int) -> Waited:
    reported = _read(_record(number, days=40))
    return Waited(
        source=GATEWAY,
        request_id=reported.id,
        reason="began more than 35 days before it was reported",
        received_at=NOW,
        usage=reported.model_dump(mode="json"),
    )


def _refused_body(body: bytes, **headers: str) -> Problem:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        delivered(named, body, GATEWAY, _LIMITS)
    except Problem as refused:
        return refused
    raise AssertionError("the body is accepted")


OPERATIONS: Mapping[str, Operation] = {
    USAGE: Operation(
        "report_usage",
        UsageReport,
        example=_reported(),
        bodies={
            "application/json": (_Item | _Items, _SENT),
            EVENT: (UsageEvent, _EVENT),
            EVENTS: (list[UsageEvent], [_EVENT]),
        },
        headers=(EVENT_POSITION,),
        refusals={
            **_CALLERS,
            "no_gateway": refused_by(lambda: check_route(USAGE, somebody(PROXY_ADMIN))),
            "no_rehearsal": no_rehearsal(),
            "malformed": _refused_body(b"{"),
            "no_items": _refused_body(b"[]"),
            "no_object": _refused_body(b"7"),
            "no_gzip": _refused_body(b"{}", content_encoding="gzip"),
            "other_encoding": _refused_body(b"{}", content_encoding="br"),
            "large_body": too_large(DEFAULTS.max_usage_bytes),
            "unexpected": unexpected(CORRELATION_ID),
            **unavailability(),
        },
    ),
    BOOK: command(
        BOOK,
        "book_quarantined_usage",
        SettledUsage,
        body=BookUsage,
        sent={"started_at": _AT},
        example=settled(_LATE, QuarantineBooked(waited=_waited(2), started_at=NOW)),
        path={"id": _LATE},
        domain=(AlreadySettled(_SETTLED), NotFound("quarantined_usage", _MISSING)),
        needs_body=False,
    ),
    DISCARD: command(
        DISCARD,
        "discard_quarantined_usage",
        SettledUsage,
        body=None,
        sent=None,
        example=settled(_WRONG, QuarantineDiscarded(waited=_waited(3))),
        path={"id": _WRONG},
        domain=(AlreadySettled(_SETTLED), NotFound("quarantined_usage", _MISSING)),
    ),
}
